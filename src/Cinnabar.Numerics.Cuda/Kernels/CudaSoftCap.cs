using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One pass over the elements.</summary>
internal sealed class CudaSoftCap(CudaDevice device) : ISoftCap
{
    public void Forward(Tensor x, float cap)
    {
        Expect.Floats(x, x.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Update(x));
        arguments.Add(cap);
        arguments.Add((long)x.Count);
        device.LaunchOverElements(device.Function("elementwise.cu", "elementwise_soft_cap"), x.Count, arguments);
    }
}
