using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Autograd;

public sealed class TapeLatentsTests
{
    private readonly KernelTable _kernels = KernelTables.Shipped(KernelForm.Reference, 1);

    [Fact]
    public void View_OfNeighbouringRows_CarriesTheGradientBackAndAddsToOtherUses()
    {
        // y = W·[x0, x1]ᵀ for the two rows side by side, and x is used a second time as it is.
        Parameter table = new("table", Filled(1, 4, 3));
        Parameter wide = new("wide", Filled(2, 5, 6));
        AssertGradient(table, tape =>
        {
            Variable x = tape.Embedding(table, [0, 1, 2, 3]);
            Variable pairs = tape.Linear(tape.View(x, 2, 6), wide);
            Variable back = tape.View(pairs, 10, 1);
            return [(back, Filled(3, 10, 1).Floats.ToArray()), (x, Filled(4, 4, 3).Floats.ToArray())];
        });
    }

    [Fact]
    public void Affine_ScaledRows_ScalesTheGradient()
    {
        Parameter table = new("table", Filled(1, 2, 3));
        AssertGradient(table, tape =>
        {
            Variable x = tape.Embedding(table, [1, 0, 1]);
            Variable y = tape.Affine(x, [2, -0.5f, 3], Filled(5, 3, 3).Floats);
            return [(y, Filled(6, 3, 3).Floats.ToArray())];
        });
    }

    [Fact]
    public void Join_TwoSequences_SharesTheGradientOut()
    {
        Parameter table = new("table", Filled(1, 3, 2));
        AssertGradient(table, tape =>
        {
            Variable y = tape.Join(tape.Embedding(table, [0, 1]), tape.Embedding(table, [2, 2, 1, 0]), batch: 2);
            Assert.Equal([0, 2, 2, 1, 1, 0], Enumerable.Range(0, 6).Select(row => RowOf(table, y.Value.Row(row))));
            return [(y, Filled(8, 6, 2).Floats.ToArray())];
        });
    }

    [Fact]
    public void StraightThrough_ReplacedRows_PassesTheGradientAndPullsTowardsTheReplacement()
    {
        Parameter table = new("table", Filled(1, 2, 2));
        Tensor replacement = Filled(7, 2, 2);
        Tape tape = new(_kernels, recording: true, MatMulPrecision.F32);
        Variable y = tape.StraightThrough(tape.Embedding(table, [0, 1]), replacement, pull: 0.25f);
        Assert.Equal(replacement.Floats.ToArray(), y.Value.Floats.ToArray());
        tape.AddGradient(y, [1, 2, 3, 4]);
        tape.Backward();
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(i + 1 + (0.5f * (table.Value.Floats[i] - replacement.Floats[i])), table.Gradient!.Floats[i], 1e-5f);
        }
    }

    [Fact]
    public void Input_SeveralPasses_TakeNoMoreMemoryThanTheFirst()
    {
        Tape tape = new(KernelTables.Shipped(KernelForm.Vector, 1), recording: true);
        Parameter weight = new("w", Filled(2, 64, 64));
        float[] numbers = new float[64 * 64];
        long[] allocated = new long[4];
        for (int pass = 0; pass < allocated.Length; pass++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Variable y = tape.Linear(tape.Input(numbers, 64, 64), weight);
            tape.AddGradient(y, numbers);
            tape.Backward();
            allocated[pass] = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.True(allocated[0] > 64 * 64 * sizeof(float));
        Assert.True(allocated[^1] < 64 * 64 * sizeof(float), $"The last pass allocated {allocated[^1]} bytes.");
    }

    // loss = Σ seeds ∘ outputs; compares with central differences over every element of the parameter.
    private void AssertGradient(Parameter parameter, Func<Tape, (Variable Output, float[] Seed)[]> outputs)
    {
        Tape tape = new(_kernels, recording: true, MatMulPrecision.F32);
        (Variable Output, float[] Seed)[] results = outputs(tape);
        foreach ((Variable output, float[] seed) in results)
        {
            tape.AddGradient(output, seed);
        }

        tape.Backward();
        Span<float> values = parameter.Value.Floats;
        for (int i = 0; i < values.Length; i++)
        {
            float kept = values[i];
            values[i] = kept + 0.01f;
            double above = Loss();
            values[i] = kept - 0.01f;
            double below = Loss();
            values[i] = kept;
            Assert.Equal((above - below) / 0.02, parameter.Gradient!.Floats[i], 1e-3);
        }

        double Loss()
        {
            double loss = outputs(tape).Sum(result =>
                result.Output.Value.Floats.ToArray().Zip(result.Seed).Sum(pair => (double)pair.First * pair.Second));
            tape.Reset();
            return loss;
        }
    }

    // The parameter's row that is nearest: the others are far, so that small changes do not matter.
    private static int RowOf(Parameter table, ReadOnlySpan<float> values)
    {
        (int best, float least) = (-1, float.PositiveInfinity);
        for (int row = 0; row < table.Value.Rows; row++)
        {
            float distance = 0;
            for (int c = 0; c < values.Length; c++)
            {
                distance += MathF.Abs(table.Value.Row(row)[c] - values[c]);
            }

            (best, least) = distance < least ? (row, distance) : (best, least);
        }

        return best;
    }

    private static Tensor Filled(ulong seed, params int[] shape)
    {
        Tensor tensor = Tensor.Zeros(shape);
        for (int i = 0; i < tensor.Count; i++)
        {
            tensor.Floats[i] = (float)(SplitMix.ToUnit(SplitMix.Mix((seed * 1000) + (ulong)i)) - 0.5);
        }

        return tensor;
    }
}
