using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>The left-hand side of products, computed on the device when the first of them asks, rounded as they will.</summary>
internal abstract unsafe class CudaRows : RowSource
{
    private Tensor _values = Tensor.Zeros(0, 0);

    /// <summary>Computes y [M, K]: as BF16 alone where it is an operand, else as F32.</summary>
    protected abstract void Compute(Tensor y);

    /// <summary>The rows.</summary>
    /// <param name="isOperand">Whether only products of BF16 operands read them.</param>
    internal Tensor Values(bool isOperand)
    {
        if (_values.Capacity < Rows * Columns)
        {
            _values = Tensor.Zeros(Rows, Columns);
            _values.Storage.IsTransient = true;
        }

        _values.Reshape([Rows, Columns]);
        _values.IsOperand = isOperand;
        Compute(_values);
        return _values;
    }

    /// <inheritdoc/>
    internal override void Write(int row, int k, int count, float* to) =>
        throw new NotSupportedException("Rows on a device are not computed on the host.");
}
