using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class LayerNormTests
{
    private const float Epsilon = 1e-5f;

    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.RowReduction, Forward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Forward);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_ByHand(string form)
    {
        // Mean 4, variance 8.
        Tensor y = Tensor.Zeros(1, 3);
        double r = 1 / Math.Sqrt((24.0 / 3) + Epsilon);
        KernelTables.Table(form).LayerNorm.Forward(
            Tensor.From([2, 2, 8], 1, 3), Tensor.From([1, 2, -3], 3), Tensor.From([0, 10, 0.5f], 3), Epsilon, y);
        KernelSweep.Close([-2 * r, 10 - (4 * r), 0.5 - (12 * r)], y, Tolerance.Elementwise, $"form {form}");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_RowFarFromZero_KeepsItsDigits(string form)
    {
        // Every value and the mean 4096.5 are exact in F32, the squares are not.
        const int Width = 150;
        float[] values = [.. Enumerable.Range(0, Width).Select(i => 4096f + (i % 2))];
        Tensor weight = Tensor.Zeros(Width);
        weight.Floats.Fill(1);
        Tensor y = Tensor.Zeros(1, Width);
        KernelTables.Table(form).LayerNorm.Forward(Tensor.From(values, 1, Width), weight, Tensor.Zeros(Width), Epsilon, y);
        double[] expected = [.. values.Select(value => (value - 4096.5) / Math.Sqrt(0.25 + Epsilon))];
        KernelSweep.Close(expected, y, Tolerance.RowReduction, $"form {form}");
    }

    [Fact]
    public void Forward_WeightOfAnotherWidth_Throws() => Assert.Throws<ArgumentException>(() =>
        KernelTables.Table("256").LayerNorm.Forward(Tensor.Zeros(2, 4), Tensor.Zeros(3), Tensor.Zeros(4), Epsilon, Tensor.Zeros(2, 4)));

    [Theory]
    [InlineData(KernelForm.Reference)]
    [InlineData(KernelForm.Vector)]
    [InlineData(KernelForm.Jit)]
    public void Tape_ComputedRows_GiveTheProductsOfThoseInMemory(KernelForm form)
    {
        KernelTable kernels = KernelTables.Shipped(form, 2);
        Tape tape = new(kernels, recording: false);
        using GuardedMemory memory = new();
        Operands operands = new(3, memory);
        Variable x = new(operands.Normal(1, 40, 67));
        Tensor weight = operands.Normal(1, 67);
        Tensor shift = operands.Normal(1, 67);
        Parameter up = new("up", operands.Normal(0.1, 90, 67));
        Parameter bias = new("bias", operands.Normal(1, 90));
        Parameter down = new("down", operands.Normal(0.1, 67, 90));

        Tensor normed = operands.Zeros(40, 67);
        kernels.LayerNorm.Forward(x.Value, weight, shift, Epsilon, normed);
        Tensor activated = operands.Zeros(40, 90);
        float[] expected = tape.Linear(new Variable(normed), up).Value.Floats.ToArray();
        Variable computed = tape.LayerNormLinear(x, weight, shift, Epsilon, up)[0];
        Assert.Equal(expected, computed.Value.Floats.ToArray());
        kernels.Gelu.Forward(computed.Value, bias.Value, activated);
        expected = tape.Linear(new Variable(activated), down).Value.Floats.ToArray();
        Assert.Equal(expected, tape.GeluLinear(computed, bias, down).Value.Floats.ToArray());
        Assert.Contains(expected, value => Math.Abs(value) > 0.01f);
    }

    [Fact]
    public void Tape_WhileRecording_Refuses()
    {
        Tape tape = new(KernelTables.Table("256"), recording: true);
        Variable x = new(Tensor.Zeros(2, 4));
        Parameter square = new("square", Tensor.Zeros(4, 4));
        Parameter row = new("row", Tensor.Zeros(4));
        Assert.Throws<NotSupportedException>(() => { tape.LayerNormLinear(x, row.Value, row.Value, Epsilon, square); });
        Assert.Throws<NotSupportedException>(() => tape.GeluLinear(x, row, square));
        Assert.Throws<NotSupportedException>(() => tape.GatedAdd(x, x, row, row.Value));
    }

    // Without columns there is nothing to compare, and the mean is not a number.
    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        Tensor x = operands.Normal(1, rows, columns);
        table.LayerNorm.Forward(x, operands.Normal(1, columns), operands.Normal(1, columns), Epsilon, y);
        return [y];
    }
}
