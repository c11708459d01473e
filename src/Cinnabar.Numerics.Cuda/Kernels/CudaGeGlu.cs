using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One pass over the elements.</summary>
internal sealed class CudaGeGlu(CudaDevice device) : IGeGlu
{
    public void Forward(Tensor gate, Tensor up, Tensor y)
    {
        Expect.Floats(gate, gate.Count);
        Expect.Floats(up, gate.Count);
        Expect.Floats(y, gate.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(gate));
        arguments.Add(device.Read(up));
        arguments.Add(device.Write(y));
        arguments.Add((long)gate.Count);
        device.LaunchOverElements(device.Function("elementwise.cu", "elementwise_geglu"), gate.Count, arguments);
    }
}
