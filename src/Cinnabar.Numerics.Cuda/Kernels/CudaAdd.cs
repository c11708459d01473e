using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One pass over the elements.</summary>
internal sealed class CudaAdd(CudaDevice device) : IAdd
{
    public void Forward(Tensor a, Tensor b, Tensor y)
    {
        Expect.Floats(a, a.Count);
        Expect.Floats(b, a.Count);
        Expect.Floats(y, a.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(a));
        arguments.Add(device.Read(b));
        arguments.Add(device.Write(y));
        arguments.Add((long)a.Count);
        device.LaunchOverElements(device.Function("elementwise.cu", "elementwise_add"), a.Count, arguments);
    }

    public void Backward(Tensor dY, Tensor d) => Forward(d, dY, d);
}
