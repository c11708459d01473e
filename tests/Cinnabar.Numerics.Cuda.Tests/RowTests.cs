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

    // Caches in the first rows of larger tensors, several and one; rows of no cache between them; and nothing to rotate.
    // For an attention that rounds, everything is left rounded, by at most 2⁻⁸ of itself.
    [CudaTheory]
    [InlineData(false, Comparison.Exact)]
    [InlineData(true, 1.0 / 256)]
    public void KeyValueRows_Store(bool areOperands, double bound) => Comparison.On(
        "KeyValueRows", bound, RotaryCases(), (table, samples, each) =>
    {
        RotaryAngles angles = new(40, each.HeadSize, 10_000, each.Dimensions);
        int columns = each.Heads * each.HeadSize;
        int[] positions = [39, 0, 7, 7, 12, 3, 0, 38, 5];
        List<Output> outputs = [];
        foreach (int caches in (int[])[0, 1, 2])
        {
            foreach (RotaryAngles? rotation in (RotaryAngles?[])[angles, null])
            {
                (Tensor q, Tensor k) = (samples.Normal(1, positions.Length, 2 * columns), samples.Normal(1, positions.Length, columns));
                Tensor v = samples.Normal(1, positions.Length, columns);
                Tensor[] memory = [.. Enumerable.Range(0, 2 * caches).Select(_ => samples.Normal(1, 45, columns))];
                foreach (Tensor operand in (Tensor[])[q, k, v, .. memory])
                {
                    operand.IsOperand = areOperands;
                }

                Tensor[] rows = [.. memory.Select(all => all.View(40, columns))];
                KeyValueTarget[] targets = caches switch
                {
                    0 => [],
                    1 => [new(2, 1, rows[0], rows[1])],
                    _ => [new(0, 3, rows[0], rows[1]), new(4, 5, rows[2], rows[3])],
                };
                table.KeyValueRows.Store(q, k, v, rotation, 40, positions, targets);
                outputs.Add(new($"q of {caches}", q));
                outputs.AddRange(memory.Select((all, i) => new Output($"{i} of {caches}", all)));

                // What no cache takes.
                outputs.Add(new($"k of {caches}", caches == 0 ? k : k.View(caches == 1 ? 2 : 0, columns)));
                outputs.Add(new($"v of {caches}", caches == 0 ? v : v.View(caches == 1 ? 2 : 0, columns)));
            }
        }

        return [.. outputs];
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
