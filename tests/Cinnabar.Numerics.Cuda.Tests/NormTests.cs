namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class NormTests
{
    private const float Epsilon = 1e-5f;

    [CudaFact]
    public void RmsNorm_Forward() => Comparison.OnAllShapes("RmsNorm", Comparison.Exact, (table, samples, shape) =>
        RmsForward(table, samples, shape, isOperand: false));

    [CudaFact]
    public void RmsNorm_ForwardOfAnOperand() => Comparison.OnAllShapes("RmsNorm to BF16", Comparison.Rounded, (table, samples, shape) =>
        RmsForward(table, samples, shape, isOperand: true));

    [CudaFact]
    public void RmsNorm_Backward() => Comparison.OnAllShapes("RmsNorm backward", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor x, Tensor weight) = (samples.Normal(1, shape.Rows, shape.Columns), samples.Normal(1, shape.Columns));
        (Tensor y, Tensor inverseRms) = (Tensor.Zeros(shape.Rows, shape.Columns), Tensor.Zeros(shape.Rows));
        table.RmsNorm.Forward(x, weight, 0.1f, y, inverseRms); // an ε that keeps rows of one column from cancelling
        (Tensor dX, Tensor dWeight) = (samples.Normal(1, shape.Rows, shape.Columns), samples.Normal(1, shape.Columns));
        Tensor ofZeros = samples.Cleared(table, shape.Rows, shape.Columns);
        Tensor dY = samples.Normal(1, shape.Rows, shape.Columns);
        table.RmsNorm.Backward(dY, x, weight, inverseRms, dX, dWeight);
        table.RmsNorm.Backward(dY, x, weight, inverseRms, ofZeros, dWeight);
        table.Add.Backward(dX, ofZeros); // where a row's gradient cancels, what is left is rounding
        return [new("dX", dX), new("dX of zeros, added", ofZeros), new("dWeight", dWeight)];
    });

    // Heads of a row are rows of their own.
    [CudaFact]
    public void RmsNorm_OfHeads() => Comparison.On("RmsNorm of heads", Comparison.Exact, [32, 64, 80, 128], (table, samples, headSize) =>
    {
        Tensor x = samples.Normal(1, 50, 12 * headSize);
        (Tensor y, Tensor inverseRms) = (Tensor.Zeros(50, 12 * headSize), Tensor.Zeros(50 * 12));
        table.RmsNorm.Forward(x, samples.Normal(1, headSize), Epsilon, y, inverseRms);
        return [new("y", y), new("inverseRms", inverseRms)];
    });

    [CudaFact]
    public void LayerNorm_Forward() => Comparison.OnAllShapes("LayerNorm", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor x = samples.Normal(1, shape.Rows, shape.Columns);
        Tensor y = Tensor.Zeros(shape.Rows, shape.Columns);
        table.LayerNorm.Forward(x, samples.Normal(1, shape.Columns), samples.Normal(1, shape.Columns), 0.1f, y);
        return [new("y", y)];
    });

    [CudaFact]
    public void LayerNorm_FarFromZero() => Comparison.On("LayerNorm far from zero", 1e-3, [5, 768, 4_096], (table, samples, columns) =>
    {
        Tensor x = samples.Normal(1, 7, columns);
        foreach (ref float value in x.Floats)
        {
            value += 1_000;
        }

        Tensor y = Tensor.Zeros(7, columns);
        table.LayerNorm.Forward(x, samples.Normal(1, columns), Tensor.Zeros(columns), Epsilon, y);
        return [new("y", y)];
    });

    private static Output[] RmsForward(KernelTable table, Samples samples, Shape shape, bool isOperand)
    {
        Tensor x = samples.Normal(1, shape.Rows, shape.Columns);
        (Tensor y, Tensor inverseRms) = (Tensor.Zeros(shape.Rows, shape.Columns), Tensor.Zeros(shape.Rows));
        y.IsOperand = isOperand;
        table.RmsNorm.Forward(x, samples.Normal(1, shape.Columns), Epsilon, y, inverseRms);
        return [new("y", y), new("inverseRms", inverseRms)];
    }
}
