using System.Collections.Concurrent;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Tests;

/// <summary>A kernel table for every form and register width. Widths that the processor lacks run in the runtime's emulation.</summary>
internal static class KernelTables
{
    private static readonly Dictionary<int, WorkerPool> s_pools = new() { [1] = new(1), [2] = new(2), [5] = new(5) };

    private static readonly ConcurrentDictionary<(KernelForm Form, int Threads), KernelTable> s_shipped = new();

    public static KernelTable Definition { get; } = KernelTable.Reference(new NaiveMatMul(), s_pools[1], []);

    /// <summary>Names for <see cref="Table"/>: the reference and the vector widths in bits.</summary>
    public static TheoryData<string> All => ["reference", "32", "128", "256", "512"];

    /// <summary>The forms of <see cref="All"/> that are not the reference.</summary>
    public static TheoryData<string> Vector => ["32", "128", "256", "512"];

    public static KernelTable Table(string form, int threads = 2) => form switch
    {
        "reference" => Definition,
        "32" => Vectors<ScalarVector>(threads),
        "128" => Vectors<Vector128Floats>(threads),
        "256" => Vectors<Vector256Floats>(threads),
        _ => Vectors<Vector512Floats>(threads),
    };

    /// <summary>The table that users get, with its matrix product.</summary>
    public static KernelTable Shipped(KernelForm form, int threads) =>
        s_shipped.GetOrAdd((form, threads), key => KernelTable.Create(key.Threads, key.Form));

    private static KernelTable Vectors<TVec>(int threads)
        where TVec : struct, ISimd<TVec> => KernelTable.Vector<TVec>(KernelForm.Vector, new NaiveMatMul(), s_pools[threads], []);
}
