// What every kernel has to pass, given a function that runs it on operands made from a seed:
//   the same as the reference for every form and shape, inside guarded memory, and the same bits for any number of threads.
using System.Globalization;

namespace Cinnabar.Numerics.Tests;

/// <summary>Makes the operands of one run: seeded, and placed against guard pages.</summary>
internal sealed class Operands(int seed, GuardedMemory memory)
{
    private readonly Random _random = new(seed);

    public Tensor Zeros(params int[] shape) => memory.Floats(shape);

    /// <summary>Standard normal values times <paramref name="scale"/>.</summary>
    public Tensor Normal(double scale, params int[] shape)
    {
        Tensor tensor = memory.Floats(shape);
        foreach (ref float value in tensor.Floats)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble()));
            value = (float)(scale * radius * Math.Cos(2 * Math.PI * _random.NextDouble()));
        }

        return tensor;
    }

    /// <summary>Indices below <paramref name="limit"/>, repeats likely.</summary>
    public int[] Indices(int count, int limit) => [.. Enumerable.Range(0, count).Select(_ => _random.Next(limit))];
}

/// <summary>Runs one kernel of a table on operands of [rows, columns] and returns what it wrote.</summary>
internal delegate Tensor[] KernelRun(KernelTable table, Operands operands, int rows, int columns);

internal static class KernelSweep
{
    private const int Seed = 20_260;
    private static readonly int[] s_rows = [0, 1, 3, 67];
    private static readonly int[] s_columns = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 61, 67, 127, 128, 129, 257];

    /// <summary>Fails unless <paramref name="form"/> agrees with the reference on every shape.</summary>
    public static void AgainstReference(string form, Bound bound, KernelRun run)
    {
        foreach (int rows in s_rows)
        {
            foreach (int columns in s_columns)
            {
                using GuardedMemory memory = new();
                Tensor[] expected = run(KernelTables.Definition, new Operands(Seed, memory), rows, columns);
                Tensor[] actual = run(KernelTables.Table(form), new Operands(Seed, memory), rows, columns);
                for (int i = 0; i < expected.Length; i++)
                {
                    Close(expected[i], actual[i], bound, $"form {form}, rows {rows}, columns {columns}, seed {Seed}, output {i}");
                }
            }
        }
    }

    /// <summary>Fails unless 1, 2 and 5 threads give the same bits, on a shape of several items.</summary>
    public static void SameBitsForAnyThreads(string form, KernelRun run, int rows = 150, int columns = 260)
    {
        using GuardedMemory memory = new();
        Tensor[] expected = run(KernelTables.Table(form, threads: 1), new Operands(Seed, memory), rows, columns);
        foreach (int threads in (int[])[2, 5])
        {
            Tensor[] actual = run(KernelTables.Table(form, threads), new Operands(Seed, memory), rows, columns);
            for (int i = 0; i < expected.Length; i++)
            {
                Close(expected[i], actual[i], Tolerance.Exact, $"form {form}, {threads} threads against 1, seed {Seed}, output {i}");
            }
        }
    }

    /// <summary>Fails at the first element outside the bound.</summary>
    public static void Close(Tensor expected, Tensor actual, Bound bound, string context)
    {
        Assert.Equal(expected.Count, actual.Count);
        Close(Array.ConvertAll(expected.Floats.ToArray(), x => (double)x), actual, bound, context);
    }

    /// <summary>Fails at the first element outside the bound.</summary>
    public static void Close(ReadOnlySpan<double> expected, Tensor actual, Bound bound, string context)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (!bound.Allows(expected[i], actual.Floats[i]))
            {
                string values = string.Create(CultureInfo.InvariantCulture, $"expected {expected[i]:R}, found {actual.Floats[i]:R}");
                Assert.Fail($"{context}, shape {actual.ShapeText()}, first bad index {i}: {values} ({bound}).");
            }
        }
    }
}
