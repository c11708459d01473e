namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class LossTests
{
    private static readonly Shape[] s_vocabularies = [new(3, 32_003), new(2, 150_000), new(300, 1_024)];

    [CudaFact]
    public void CrossEntropy_Forward() => Comparison.OnAllShapes("CrossEntropy", Comparison.Exact, Forward);

    [CudaFact]
    public void CrossEntropy_ForwardOverVocabularies() =>
        Comparison.On("CrossEntropy", Comparison.Exact, s_vocabularies, Forward);

    [CudaFact]
    public void CrossEntropy_ForwardBackward() => Comparison.OnAllShapes(
        "CrossEntropy backward", Comparison.Exact, (table, samples, shape) => Backward(table, samples, shape, gamma: 0.5f));

    // One thread of a row knows of γ: it has nothing to do with shapes but that packs are a kernel of their own.
    [CudaFact]
    public void CrossEntropy_ForwardBackwardOfEveryGamma() => Comparison.On(
        "CrossEntropy backward",
        Comparison.Exact,
        from gamma in (float[])[0, 0.5f, 1, 2]
        from columns in (int[])[31, 260]
        select (gamma, columns),
        (table, samples, size) => Backward(table, samples, new Shape(67, size.columns), size.gamma));

    [CudaFact]
    public void CrossEntropy_ForwardBackwardOverVocabularies() => Comparison.On(
        "CrossEntropy backward", Comparison.Exact, s_vocabularies, (table, samples, shape) => Backward(table, samples, shape, gamma: 0));

    [CudaFact]
    public void CrossEntropy_OfExtremeLogits() => Comparison.On("CrossEntropy", Comparison.Exact, [5, 8, 1_000], (table, _, columns) =>
    {
        Tensor logits = Tensor.Zeros(4, columns);
        logits.Row(0).Fill(10_000);
        logits.Row(1).Fill(float.NegativeInfinity);
        logits.Row(1)[columns - 1] = -3;
        logits.Row(2)[2] = 80;
        logits.Row(3)[1] = float.NaN;
        (Tensor losses, Tensor scaled) = (Tensor.Zeros(4), Tensor.Zeros(4));
        int[] targets = [1, columns - 1, 2, 0];
        table.CrossEntropy.Forward(logits, targets, losses);
        table.CrossEntropy.ForwardBackward(logits, targets, [1, 1, 1, 1], scaled);
        return [new("losses", losses), new("losses with gradient", scaled), new("dz", logits)];
    });

    [CudaFact]
    public void Softmax_Forward() => Comparison.OnAllShapes("Softmax", Comparison.Exact, Softmax);

    [CudaFact]
    public void Softmax_OverVocabularies() => Comparison.On("Softmax", Comparison.Exact, s_vocabularies, Softmax);

    private static Output[] Forward(KernelTable table, Samples samples, Shape shape)
    {
        Tensor logits = samples.Normal(3, shape.Rows, shape.Columns);
        Tensor losses = Tensor.Zeros(shape.Rows);
        table.CrossEntropy.Forward(logits, samples.Ids(shape.Rows, shape.Columns), losses);
        return [new("losses", losses)];
    }

    private static Output[] Backward(KernelTable table, Samples samples, Shape shape, float gamma)
    {
        Tensor logits = samples.Normal(3, shape.Rows, shape.Columns);
        Tensor losses = Tensor.Zeros(shape.Rows);
        int[] targets = samples.Ids(shape.Rows, shape.Columns);
        table.CrossEntropy.ForwardBackward(logits, targets, samples.Normal(1, shape.Rows).Floats.ToArray(), losses, gamma);
        return [new("losses", losses), new("dz", logits)];
    }

    // Some of −∞, and a row of nothing else.
    private static Output[] Softmax(KernelTable table, Samples samples, Shape shape)
    {
        Tensor x = samples.Normal(3, shape.Rows, shape.Columns);
        for (int i = 0; i < x.Count; i += 5)
        {
            x.Floats[i] = float.NegativeInfinity;
        }

        if (shape.Rows > 1)
        {
            x.Row(1).Fill(float.NegativeInfinity);
        }

        table.Softmax.Forward(x);
        return [new("p", x)];
    }
}
