using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests;

/// <summary>Three loops: what attention is tested with, so that its tests depend on no other kernel.</summary>
internal sealed class NaiveMatMul : IMatMul
{
    public MatMulPrecision Fastest => MatMulPrecision.F32;

    public unsafe void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        float* left = a.Floats, right = b.Floats, result = c.Floats;
        for (int m = 0; m < c.Rows; m++)
        {
            for (int n = 0; n < c.Columns; n++)
            {
                double sum = accumulate ? result[(m * c.RowStride) + n] : 0;
                for (int k = 0; k < a.Columns; k++)
                {
                    sum += (double)left[(m * a.RowStride) + (k * a.ColumnStride)] * right[(k * b.RowStride) + (n * b.ColumnStride)];
                }

                result[(m * c.RowStride) + n] = (float)sum;
            }
        }
    }

    public unsafe void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed)
    {
        float[] values = new float[b.Rows * b.Columns];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = b.Floats[(i / b.Columns * b.RowStride) + (i % b.Columns * b.ColumnStride)];
        }

        packed = new Copy(Tensor.From(values, b.Rows, b.Columns));
    }

    public void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate) =>
        Multiply(a, ((Copy)b).Values.AsMatrix(), c, accumulate, MatMulPrecision.F32);

    private sealed class Copy(Tensor values) : PackedMatrix
    {
        public Tensor Values => values;

        public override long Bytes => values.Bytes.Length;
    }
}
