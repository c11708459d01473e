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

    public void Backward(Tensor dY, Tensor d)
    {
        if (!device.IsZero(d))
        {
            Forward(d, dY, d);
            return;
        }

        Expect.Floats(dY, d.Count);
        Expect.Floats(d, d.Count);
        device.Copy(device.Read(dY), device.Write(d), d.Count);
    }
}
