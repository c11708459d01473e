using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One pass over the elements.</summary>
internal sealed class CudaScaling(CudaDevice device) : IScaling
{
    public void Forward(Tensor x, float factor)
    {
        Expect.Floats(x, x.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Update(x));
        arguments.Add(factor);
        arguments.Add((long)x.Count);
        device.LaunchOverElements(device.Function("elementwise.cu", "elementwise_scale"), x.Count, arguments);
    }
}
