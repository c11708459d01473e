using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Threads keep their columns of the bias; its gradient is summed in chunks of rows.</summary>
internal sealed class CudaAddBias(CudaDevice device) : IAddBias
{
    public void Forward(Tensor x, Tensor bias)
    {
        Expect.Floats(x, x.Count);
        Expect.Floats(bias, x.Columns);
        KernelArguments arguments = default;
        arguments.Add(device.Update(x));
        arguments.Add(device.Read(bias));
        arguments.Add(x.Rows);
        arguments.Add(x.Columns);
        device.LaunchDownColumns(device.Function("rows.cu", "rows_add_bias"), x.Rows, x.Columns, arguments);
    }

    public void Backward(Tensor dY, Tensor dBias)
    {
        Expect.Floats(dBias, dY.Columns);
        ColumnSums.AddRows(device, dY, dBias);
    }
}
