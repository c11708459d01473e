using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A block a row.</summary>
internal sealed class CudaCrossEntropy(CudaDevice device) : ICrossEntropy
{
    internal const string Source = "cross_entropy.cu";

    /// <summary>Threads of a block: rows are as long as the vocabulary.</summary>
    internal const int Threads = 512;

    public void Forward(Tensor logits, int[] targets, Tensor losses)
    {
        Check(logits, targets, losses);
        KernelArguments arguments = default;
        arguments.Add(device.Read(logits));
        arguments.Add(device.Upload<int>(targets));
        arguments.Add(device.Write(losses));
        arguments.Add(logits.Columns);
        device.LaunchPerRow(device.Function(Source, "cross_entropy_forward"), logits.Rows, logits.Columns, arguments, Threads);
    }

    public void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses, float focalGamma)
    {
        Check(logits, targets, losses);
        Expect.Length(scales.Length, targets.Length, nameof(scales));
        KernelArguments arguments = default;
        arguments.Add(device.Update(logits));
        arguments.Add(device.Upload<int>(targets));
        arguments.Add(device.Upload<float>(scales));
        arguments.Add(device.Write(losses));
        arguments.Add(focalGamma);
        arguments.Add(logits.Columns);
        device.LaunchPerRow(device.Function(Source, "cross_entropy_forward_backward"), logits.Rows, logits.Columns, arguments, Threads);
    }

    private static void Check(Tensor logits, int[] targets, Tensor losses)
    {
        Expect.Floats(logits, logits.Count);
        Expect.Length(targets.Length, logits.Rows, nameof(targets));
        Expect.Indices(targets, logits.Columns, nameof(targets));
        Expect.Floats(losses, targets.Length);
    }
}
