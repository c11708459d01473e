using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Threads keep their columns of the bias.</summary>
internal sealed class CudaGelu(CudaDevice device) : IGelu
{
    public void Forward(Tensor x, Tensor bias, Tensor y)
    {
        Expect.Floats(x, x.Count);
        Expect.Floats(bias, x.Columns);
        Expect.Floats(y, x.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(x));
        arguments.Add(device.Read(bias));
        arguments.Add(y.IsOperand ? device.WriteRounded(y) : device.Write(y));
        arguments.Add(x.Rows);
        arguments.Add(x.Columns);
        CudaFunction function = device.Function("rows.cu", y.IsOperand ? "rows_gelu_bf16" : "rows_gelu_f32");
        device.LaunchDownColumns(function, x.Rows, x.Columns, arguments);
    }

    public RowSource AsRows(Tensor x, Tensor bias, ref RowSource? rows)
    {
        ActivatedRows activated = rows as ActivatedRows ?? new ActivatedRows(this);
        activated.Set(x, bias);
        rows = activated;
        return activated;
    }

    private sealed class ActivatedRows(CudaGelu kernel) : CudaRows
    {
        private Tensor _x = null!;
        private Tensor _bias = null!;

        internal void Set(Tensor x, Tensor bias)
        {
            (_x, _bias) = (x, bias);
            (Rows, Columns) = (x.Rows, x.Columns);
        }

        protected override void Compute(Tensor y) => kernel.Forward(_x, _bias, y);
    }
}
