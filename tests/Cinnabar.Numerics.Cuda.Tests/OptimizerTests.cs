using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class OptimizerTests
{
    [CudaFact]
    public void AdamW_ThreeSteps() => Comparison.OnAllShapes("AdamW", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor weight = samples.Normal(1, shape.Rows, shape.Columns);
        (Tensor m, Tensor v) = (Tensor.Zeros(shape.Rows, shape.Columns), Tensor.Zeros(shape.Rows, shape.Columns));
        for (int step = 1; step <= 3; step++)
        {
            Tensor gradient = samples.Normal(1, shape.Rows, shape.Columns);
            table.Optimizer.AdamW(weight, gradient, m, v, new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, step, 0.7f));
        }

        return [new("weight", weight), new("m", m), new("v", v)];
    });

    [CudaFact]
    public void Ema_TwoSteps() => Comparison.OnAllShapes("Ema", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor average = samples.Normal(1, shape.Rows, shape.Columns);
        table.Optimizer.Ema(average, samples.Normal(1, shape.Rows, shape.Columns), 0.99f);
        table.Optimizer.Ema(average, samples.Normal(1, shape.Rows, shape.Columns), 0.5f);
        return [new("average", average)];
    });

    [CudaFact]
    public void SumOfSquares_OfSeveralTensors() => Comparison.OnAllShapes("SumOfSquares", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor x = samples.Normal(1, shape.Rows, shape.Columns);
        Tensor[] all = [x, samples.Normal(10, 40_000), Tensor.Zeros(0), samples.Normal(1, 3)];
        return
        [
            new("of one", Tensor.From([(float)table.Optimizer.SumOfSquares([x])], 1)),
            new("of all", Tensor.From([(float)table.Optimizer.SumOfSquares(all)], 1)),
        ];
    });

    [CudaFact]
    public void SumOfSquares_LargeAndNonFiniteValues_OnlyTheLatterOverflow()
    {
        IOptimizer optimizer = Comparison.Device.Optimizer;
        Tensor x = Tensor.Zeros(37);
        x.Floats.Fill(1e30f);
        Assert.Equal(37.0 * 1e30f * 1e30f, optimizer.SumOfSquares([x]), 1e48);
        foreach (int at in (int[])[0, 35, 36])
        {
            x.Floats[at] = float.NegativeInfinity;
            Assert.Equal(double.PositiveInfinity, optimizer.SumOfSquares([x]));
            x.Floats[at] = float.NaN;
            Assert.Equal(double.NaN, optimizer.SumOfSquares([x]));
            x.Floats[at] = 1;
        }
    }
}
