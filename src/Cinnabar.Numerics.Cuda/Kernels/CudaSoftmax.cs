using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A block a row.</summary>
internal sealed class CudaSoftmax(CudaDevice device) : ISoftmax
{
    public void Forward(Tensor x)
    {
        Expect.Floats(x, x.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Update(x));
        arguments.Add(x.Columns);
        CudaFunction function = device.Function(CudaCrossEntropy.Source, "cross_entropy_softmax");
        device.LaunchPerRow(function, x.Rows, x.Columns, arguments, CudaCrossEntropy.Threads);
    }
}
