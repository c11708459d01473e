using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One pass over the elements each. Squares are summed in chunks, which the host adds in order.</summary>
internal sealed class CudaOptimizer(CudaDevice device) : IOptimizer
{
    private const string Source = "optimizer.cu";
    private const int SquaresChunk = 32_768;

    public void AdamW(Tensor weight, Tensor gradient, Tensor m, Tensor v, in AdamWStep step)
    {
        Expect.Floats(weight, weight.Count);
        Expect.Floats(gradient, weight.Count);
        Expect.Floats(m, weight.Count);
        Expect.Floats(v, weight.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Update(weight));
        arguments.Add(device.Read(gradient));
        arguments.Add(device.Update(m));
        arguments.Add(device.Update(v));
        arguments.Add((long)weight.Count);
        arguments.Add(step.LearningRate);
        arguments.Add(step.Beta1);
        arguments.Add((float)(1 - (double)step.Beta1));
        arguments.Add(step.Beta2);
        arguments.Add((float)(1 - (double)step.Beta2));
        arguments.Add(step.Epsilon);
        arguments.Add(step.WeightDecay);
        arguments.Add(step.GradientScale);
        arguments.Add((float)(1 / (1 - Math.Pow(step.Beta1, step.Step))));
        arguments.Add((float)(1 / (1 - Math.Pow(step.Beta2, step.Step))));
        device.LaunchOverElements(device.Function(Source, "optimizer_adamw"), weight.Count, arguments);
    }

    public double SumOfSquares(ReadOnlySpan<Tensor> tensors)
    {
        int chunks = 0;
        foreach (Tensor x in tensors)
        {
            Expect.Floats(x, x.Count);
            chunks += ChunksOf(x);
        }

        if (chunks == 0)
        {
            return 0;
        }

        nint sums = device.Scratch((long)chunks * sizeof(double));
        int done = 0;
        foreach (Tensor x in tensors)
        {
            KernelArguments arguments = default;
            arguments.Add(device.Read(x));
            arguments.Add(sums + ((nint)done * sizeof(double)));
            arguments.Add((long)x.Count);
            arguments.Add(SquaresChunk);
            device.LaunchPerRow(device.Function(Source, "optimizer_squares"), ChunksOf(x), x.Count, arguments);
            done += ChunksOf(x);
        }

        double[] found = new double[chunks];
        device.Download(sums, found.AsSpan());
        double total = 0;
        foreach (double sum in found)
        {
            total += sum;
        }

        return total;
    }

    public void Ema(Tensor average, Tensor weight, float decay)
    {
        Expect.Floats(average, average.Count);
        Expect.Floats(weight, average.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Update(average));
        arguments.Add(device.Read(weight));
        arguments.Add(decay);
        arguments.Add((float)(1 - (double)decay));
        arguments.Add((long)average.Count);
        device.LaunchOverElements(device.Function(Source, "optimizer_ema"), average.Count, arguments);
    }

    private static int ChunksOf(Tensor x) => (int)(((long)x.Count + SquaresChunk - 1) / SquaresChunk);
}
