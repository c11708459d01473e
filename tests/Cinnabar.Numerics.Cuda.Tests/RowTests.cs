using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class RowTests
{
    [CudaFact]
    public void AddBias_Forward() => Comparison.OnAllShapes("AddBias", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor x = Normal(samples, shape);
        table.AddBias.Forward(x, samples.Normal(1, shape.Columns));
        return [new("x", x)];
    });

    [CudaFact]
    public void AddBias_Backward() => Comparison.OnAllShapes("AddBias backward", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor dBias = samples.Normal(1, shape.Columns);
        table.AddBias.Backward(Normal(samples, shape), dBias);
        return [new("dBias", dBias)];
    });

    [CudaFact]
    public void GatedAdd_Forward() => Comparison.OnAllShapes("GatedAdd", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor x, Tensor bias, Tensor gate) = (Normal(samples, shape), samples.Normal(1, shape.Columns), samples.Normal(1, shape.Columns));
        (Tensor biased, Tensor plain) = (Normal(samples, shape), Normal(samples, shape));
        table.GatedAdd.Forward(x, bias, gate, biased);
        table.GatedAdd.Forward(x, null, gate, plain);
        return [new("with bias", biased), new("without", plain)];
    });

    [CudaFact]
    public void AddScaledRows_Forward() => Comparison.OnAllShapes("AddScaledRows", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor y = samples.Normal(1, (2 * shape.Rows) + 1, shape.Columns);
        int[] rows = samples.Choice(shape.Rows, y.Rows);
        table.AddScaledRows.Forward(Normal(samples, shape), rows, samples.Normal(1, shape.Rows).Floats, y);
        return [new("y", y)];
    });

    // Into the first rows of a larger tensor, as a cache does.
    [CudaFact]
    public void CopyRows_Forward() => Comparison.OnAllShapes("CopyRows", 0, (table, samples, shape) =>
    {
        Tensor memory = samples.Normal(1, (2 * shape.Rows) + 4, shape.Columns);
        Tensor y = memory.View((2 * shape.Rows) + 1, shape.Columns);
        Tensor x = samples.Normal(1, shape.Rows + 3, shape.Columns);
        table.CopyRows.Forward(x, 2, samples.Choice(shape.Rows, y.Rows), y);
        table.CopyRows.Forward(x, 0, samples.Choice(1, y.Rows), y);
        return [new("y", y), new("all", memory)];
    });

    [CudaFact]
    public void Rotary_Forward() => Comparison.On("Rotary", Comparison.Exact, RotaryCases(), (table, samples, each) =>
    {
        RotaryAngles angles = new(40, each.HeadSize, 10_000, each.Dimensions);
        Tensor x = samples.Normal(1, 3 * 37, each.Heads * each.HeadSize);
        Tensor some = samples.Normal(1, 5, each.Heads * each.HeadSize);
        table.Rotary.Forward(x, angles, 37);
        table.Rotary.Forward(some, angles, 40, [39, 0, 7, 7, 12]);
        return [new("all positions", x), new("given positions", some)];
    });

    [CudaFact]
    public void Rotary_Backward() => Comparison.On("Rotary backward", Comparison.Exact, RotaryCases(), (table, samples, each) =>
    {
        RotaryAngles angles = new(40, each.HeadSize, 10_000, each.Dimensions);
        Tensor dX = samples.Normal(1, 2 * 40, each.Heads * each.HeadSize);
        table.Rotary.Backward(dX, angles, 40);
        return [new("dX", dX)];
    });

    private static (int Heads, int HeadSize, int Dimensions)[] RotaryCases() =>
        [(1, 2, 2), (3, 6, 6), (2, 8, 8), (4, 64, 64), (3, 128, 128), (2, 96, 32), (5, 12, 8), (2, 10, 4), (32, 128, 64)];

    private static Tensor Normal(Samples samples, Shape shape) => samples.Normal(1, shape.Rows, shape.Columns);
}
