using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Threads keep their columns of gate and bias.</summary>
internal sealed class CudaGatedAdd(CudaDevice device) : IGatedAdd
{
    public void Forward(Tensor x, Tensor? bias, Tensor gate, Tensor y)
    {
        Expect.Floats(x, x.Count);
        Expect.Floats(bias ?? gate, x.Columns);
        Expect.Floats(gate, x.Columns);
        Expect.Floats(y, x.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(x));
        arguments.Add(bias is null ? 0 : device.Read(bias));
        arguments.Add(device.Read(gate));
        arguments.Add(device.Update(y));
        arguments.Add(x.Rows);
        arguments.Add(x.Columns);
        device.LaunchDownColumns(device.Function("rows.cu", "rows_gated_add"), x.Rows, x.Columns, arguments);
    }
}
