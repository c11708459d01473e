using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

// Products with the same rows may run side by side, in whatever order the device likes: nothing before them may be late, nothing behind
// them early, at once and as graphs, wherever these are cut.
public sealed class SideBySideTests(Device device) : IClassFixture<Device>
{
    private const int Rows = 40;
    private const int Size = 128;
    private const int Layers = 40;
    private const int Runs = 6;

    // A layer are ten commands, of integers sixteen, a graph 64: one command more in front cuts groups elsewhere.
    [CudaTheory]
    [InlineData(0, MatMulPrecision.BF16)]
    [InlineData(1, MatMulPrecision.BF16)]
    [InlineData(2, MatMulPrecision.BF16)]
    [InlineData(0, MatMulPrecision.Int8)]
    [InlineData(3, MatMulPrecision.Int8)]
    public void Products_OfTheSameRows_HaveTheBitsOfOneBehindTheOther(int copiesBefore, MatMulPrecision precision)
    {
        var cuda = (CudaDevice)device.Kernels.Device!;
        Samples samples = new(5);
        Tensor x = samples.Normal(1, Rows, Size);
        PackedMatrix[] weights = [.. Enumerable.Range(0, 6).Select(_ => Packed(samples.Normal(0.05f, Size, Size), precision))];
        Tensor[] layers = [.. Enumerable.Range(0, Layers).Select(_ => Tensor.Zeros(Rows, Size))];
        Tensor[] parts = [.. Enumerable.Range(0, 3).Select(_ => Tensor.Zeros(Rows, Size))];
        Tensor copy = Tensor.Zeros(Rows, Size);
        float[] expected = Run(inGroups: false);
        Assert.All(expected, value => Assert.True(float.IsFinite(value) && value != 0));
        long graphs = cuda.GraphLaunches;
        for (int run = 0; run < Runs; run++)
        {
            Assert.Equal(expected, Run(inGroups: true));
        }

        // From the third run on, at the latest from the fourth.
        Assert.True(cuda.GraphLaunches - graphs >= (Runs - 3) * (Layers * 10 / 64), "No run was one of graphs.");

        float[] Run(bool inGroups)
        {
            IMatMul product = device.Kernels.MatMul;
            for (int i = 0; i < copiesBefore; i++)
            {
                cuda.Copy(cuda.Read(x), cuda.Write(copy), copy.Count);
            }

            Tensor input = x;
            foreach (Tensor layer in layers)
            {
                if (inGroups)
                {
                    product.Multiply(input.AsMatrix(), weights.AsSpan(0, 3), [.. parts.Select(part => part.AsMatrix())]);
                }

                for (int i = 0; i < parts.Length && !inGroups; i++)
                {
                    product.Multiply(input.AsMatrix(), weights[i], parts[i].AsMatrix(), accumulate: false);
                }

                for (int i = 0; i < parts.Length; i++)
                {
                    product.Multiply(parts[i].AsMatrix(), weights[3 + i], layer.AsMatrix(), accumulate: i > 0);
                }

                input = layer;
            }

            cuda.Finish();
            return input.Floats.ToArray();
        }
    }

    private PackedMatrix Packed(Tensor weight, MatMulPrecision precision)
    {
        PackedMatrix? packed = null;
        weight = precision == MatMulPrecision.Int8 ? weight.Quantize(DType.Int8, weight.Columns) : weight;
        device.Kernels.MatMul.Pack(weight.AsMatrix().Transposed, precision, ref packed);
        return packed!;
    }
}
