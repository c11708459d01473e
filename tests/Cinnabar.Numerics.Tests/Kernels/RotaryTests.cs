using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class RotaryTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllHeadSizes_EqualsReference(string form) =>
        KernelSweep.AgainstReference(form, Tolerance.Elementwise, (table, operands, rows, half) => Rotate(table, operands, rows, half));

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) =>
        KernelSweep.SameBitsForAnyThreads(form, (table, operands, rows, half) => Rotate(table, operands, rows, half));

    [Theory]
    [MemberData(nameof(Forms))]
    public void Backward_AfterForward_RestoresInput(string form)
    {
        using GuardedMemory memory = new();
        Tensor x = new Operands(9, memory).Normal(1, 14, 60);
        Tensor turned = Tensor.From(x.Floats, 14, 60);
        RotaryAngles angles = new(7, 20, 10_000);
        KernelTable table = KernelTables.Table(form);
        table.Rotary.Forward(turned, angles, 7);
        Assert.NotEqual(x.Row(1).ToArray(), turned.Row(1).ToArray());
        table.Rotary.Backward(turned, angles, 7);
        KernelSweep.Close(x, turned, Tolerance.Elementwise, $"form {form}, seed 9");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_GivenFrequencies_TurnEachPairByItsOwn(string form)
    {
        // Pairs are half a head apart: (0, 3) turns by p, (1, 4) by p/2, (2, 5) stands still.
        RotaryAngles angles = new(5, 6, [1, 0.5, 0]);
        Tensor x = Tensor.From([1, 1, 1, 0, 0, 0], 1, 6);
        KernelTables.Table(form).Rotary.Forward(x, angles, 5, [3]);
        double[] expected = [Math.Cos(3), Math.Cos(1.5), 1, Math.Sin(3), Math.Sin(1.5), 0];
        KernelSweep.Close(expected, x, Tolerance.Elementwise, $"form {form}");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_OnePair_TurnsByPosition(string form)
    {
        // Head size 2: the only frequency is 1, so that row p turns by p radians; the sequence restarts after 3 rows.
        Tensor x = Tensor.From([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0], 6, 2);
        KernelTables.Table(form).Rotary.Forward(x, new RotaryAngles(3, 2, 500_000), 3);
        for (int t = 0; t < 6; t++)
        {
            Assert.Equal(Math.Cos(t % 3), x.Row(t)[0], 1e-6);
            Assert.Equal(Math.Sin(t % 3), x.Row(t)[1], 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_GivenPositions_TurnsByThem(string form)
    {
        int[] positions = [5, 0, 6];
        Tensor x = Tensor.From([1, 0, 1, 0, 1, 0], 3, 2);
        KernelTables.Table(form).Rotary.Forward(x, new RotaryAngles(7, 2, 500_000), 7, positions);
        for (int t = 0; t < 3; t++)
        {
            Assert.Equal(Math.Cos(positions[t]), x.Row(t)[0], 1e-6);
            Assert.Equal(Math.Sin(positions[t]), x.Row(t)[1], 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_SomeDimensions_LeavesTheRestOfEachHead(string form)
    {
        // Two heads of 5, of which 2 rotate.
        Tensor x = Tensor.From([1, 0, 7, 8, 9, 0, 1, 4, 5, 6], 1, 10);
        KernelTables.Table(form).Rotary.Forward(x, new RotaryAngles(4, 5, 500_000, dimensions: 2), 4, [3]);
        float cos = (float)Math.Cos(3), sin = (float)Math.Sin(3);
        float[] expected = [cos, sin, 7, 8, 9, -sin, cos, 4, 5, 6];
        KernelSweep.Close(Tensor.From(expected, 1, 10), x, Tolerance.Elementwise, $"form {form}");
    }

    [Fact]
    public void Forward_SequenceLongerThanAngles_Throws()
    {
        RotaryAngles angles = new(3, 2, 10_000);
        Assert.Throws<ArgumentException>(() => KernelTables.Table("256").Rotary.Forward(Tensor.Zeros(4, 2), angles, 4));
    }

    // Two heads of 2·half; two sequences of that many rows.
    private static Tensor[] Rotate(KernelTable table, Operands operands, int rows, int half)
    {
        half = Math.Max(half, 1);
        int length = Math.Max(1, rows);
        Tensor x = operands.Normal(1, 2 * rows, 4 * half);
        table.Rotary.Forward(x, new RotaryAngles(length, 2 * half, 10_000), length);
        return [x];
    }
}
