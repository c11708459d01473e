using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class KeyValueRowsTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Store_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Elementwise, Stored);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Store_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Stored);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Store_RowsOfOneCacheAndOfNone_LeavesTheOthers(string form)
    {
        (Tensor keys, Tensor values) = (Tensor.From([1, 2, 3, 4, 5, 6], 3, 2), Tensor.From([7, 8, 9, 10, 11, 12], 3, 2));
        Tensor k = Tensor.From([10, 20, 30, 40, 50, 60], 3, 2);
        Tensor v = Tensor.From([15, 25, 35, 45, 55, 65], 3, 2);
        KernelTables.Table(form).KeyValueRows.Store(Tensor.Zeros(3, 4), k, v, angles: null, 3, [1, 2, 0], [new(1, 2, keys, values)]);
        Assert.Equal([50f, 60f, 3f, 4f, 30f, 40f], keys.Floats.ToArray());
        Assert.Equal([55f, 65f, 9f, 10f, 35f, 45f], values.Floats.ToArray());
        Assert.Equal([10f, 20f], k.Row(0).ToArray());
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Store_WithAngles_TurnsQueriesAndKeysButNotValues(string form)
    {
        // Head size 2: position p turns by p radians.
        (Tensor q, Tensor k, Tensor v) = (Tensor.From([1, 0], 1, 2), Tensor.From([0, 1], 1, 2), Tensor.From([1, 0], 1, 2));
        (Tensor keys, Tensor values) = (Tensor.Zeros(3, 2), Tensor.Zeros(3, 2));
        KernelTables.Table(form).KeyValueRows.Store(q, k, v, new RotaryAngles(3, 2, 10_000), 3, [2], [new(0, 1, keys, values)]);
        KernelSweep.Close([Math.Cos(2), Math.Sin(2)], q, Tolerance.Elementwise, form);
        KernelSweep.Close([0, 0, 0, 0, -Math.Sin(2), Math.Cos(2)], keys, Tolerance.Elementwise, form);
        Assert.Equal([0f, 0f, 0f, 0f, 1f, 0f], values.Floats.ToArray());
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Store_OutsideOfEitherSide_Throws(string form)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Store([0, 3, 1], 0, 3, 4));
        Assert.Throws<ArgumentException>(() => Store([0, 1, 2], 1, 3, 4));
        Assert.Throws<ArgumentException>(() => Store([0, 1, 2], -1, 3, 4));
        Assert.Throws<ArgumentException>(() => Store([0, 1, 2], 0, 3, 5));
        Assert.Throws<ArgumentException>(() => Store([0, 1], 0, 2, 4));
        void Store(int[] positions, int first, int count, int columns) => KernelTables.Table(form).KeyValueRows.Store(
            Tensor.Zeros(3, 4),
            Tensor.Zeros(3, 4),
            Tensor.Zeros(3, 4),
            angles: null,
            9,
            positions,
            [new(first, count, Tensor.Zeros(3, columns), Tensor.Zeros(3, columns))]);
    }

    // Two heads of queries, one of keys, a third of whose columns is not rotated; a cache takes all rows but the first, to every second
    // position from the last on.
    private static Tensor[] Stored(KernelTable table, Operands operands, int rows, int third)
    {
        int headSize = 3 * third;
        RotaryAngles? angles = third == 0 ? null : new(Math.Max(1, 2 * rows), headSize, 10_000, third / 2 * 2);
        (Tensor q, Tensor k) = (operands.Normal(1, rows, 2 * headSize), operands.Normal(1, rows, headSize));
        (Tensor keys, Tensor values) = (operands.Normal(1, 2 * rows, headSize), operands.Normal(1, 2 * rows, headSize));
        int[] positions = [.. Enumerable.Range(0, rows).Select(i => 2 * (rows - 1 - i))];
        KeyValueTarget[] targets = rows == 0 ? [] : [new(1, rows - 1, keys, values)];
        table.KeyValueRows.Store(q, k, operands.Normal(1, rows, headSize), angles, Math.Max(1, 2 * rows), positions, targets);
        return [q, keys, values];
    }
}
