using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Checkpoints;

public sealed class WeightFormTests
{
    private static readonly NetworkWeight s_matrix = new("q", [2, 64], "q_proj", 0);
    private static readonly NetworkWeight s_table = new("wte", [2, 64], "wte");

    [Theory]
    [InlineData(WeightForm.AsStored, StoredForm.Own, DType.BF16, 0)]
    [InlineData(WeightForm.AsStored, StoredForm.F16, DType.F32, 0)]
    [InlineData(WeightForm.BF16, StoredForm.Own, DType.BF16, 0)]
    [InlineData(WeightForm.Int8, StoredForm.Own, DType.Int8, 64)]
    [InlineData(WeightForm.Int4, StoredForm.F16, DType.Int4, 32)]
    [InlineData(WeightForm.Exact, StoredForm.Own, DType.F32, 0)]
    public void Apply_Floats_GiveTheForm(WeightForm form, object stored, DType expected, int group)
    {
        Tensor tensor = WeightForms.Apply(Values(), s_matrix, form, (StoredForm)stored);
        Assert.Equal((expected, group), (tensor.Type, tensor.GroupSize));
    }

    [Theory]
    [InlineData(WeightForm.AsStored, DType.Int8)]
    [InlineData(WeightForm.Int4, DType.Int8)]
    [InlineData(WeightForm.BF16, DType.BF16)]
    [InlineData(WeightForm.Exact, DType.F32)]
    public void Apply_Integers_StayUnlessFloatsAreAskedFor(WeightForm form, DType expected) =>
        Assert.Equal(expected, WeightForms.Apply(Values().Quantize(DType.Int8, 32), s_matrix, form, StoredForm.Own).Type);

    [Theory]
    [InlineData(WeightForm.AsStored, DType.Q4_K, DType.Q4_K)]
    [InlineData(WeightForm.AsStored, DType.Q4_0, DType.Q4_0)]
    [InlineData(WeightForm.BF16, DType.Q6_K, DType.BF16)]
    [InlineData(WeightForm.Int8, DType.Q4_K, DType.Int8)]
    [InlineData(WeightForm.Int4, DType.Q4_K, DType.Int4)]
    [InlineData(WeightForm.Int4, DType.Q4_0, DType.Q4_0)]
    [InlineData(WeightForm.Int4, DType.Q8_0, DType.Q8_0)]
    [InlineData(WeightForm.Exact, DType.Q3_K, DType.F32)]
    public void Apply_Blocks_StayUnlessAskedOtherwise(WeightForm form, DType stored, DType expected) =>
        Assert.Equal(expected, WeightForms.Apply(Tensor.Zeros(stored, 2, 256), s_matrix, form, StoredForm.Own).Type);

    [Fact]
    public void Apply_TableInInt4_BecomesInt8() =>
        Assert.Equal(DType.Int8, WeightForms.Apply(Values(), s_table, WeightForm.Int4, StoredForm.Own).Type);

    [Fact]
    public void Apply_NormsAndRouters_AreLeftAlone()
    {
        Tensor values = Values();
        Assert.Same(values, WeightForms.Apply(values, s_matrix with { Part = "router" }, WeightForm.Int8, StoredForm.Own));
        Assert.Same(values, WeightForms.Apply(values, s_matrix with { Shape = [128] }, WeightForm.Int8, StoredForm.Own));
    }

    [Fact]
    public void Apply_RowsThatDoNotDivide_BecomeBFloat16()
    {
        Tensor odd = Tensor.From(Values().Floats[..66], 2, 33);
        Assert.Equal(DType.BF16, WeightForms.Apply(odd, s_matrix, WeightForm.Int8, StoredForm.Own).Type);
    }

    [Fact]
    public void Apply_ExactTableLargerThanATensor_NamesTheSwitch()
    {
        // Nothing of it is in memory before somebody looks.
        Tensor table = Tensor.Zeros(DType.BF16, 262_144, 2_816);
        string message = Assert.Throws<CinnabarException>(
            () => WeightForms.Apply(table, s_table, WeightForm.Exact, StoredForm.Own)).Message;
        Assert.Contains("'wte'", message, StringComparison.Ordinal);
        Assert.Contains("--weights bf16", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DType.Int8)]
    [InlineData(DType.Int4)]
    public void Rounded_PieceByPiece_IsTheWhole(DType type)
    {
        float[] values = [.. Enumerable.Range(0, 160).Select(i => (float)Math.Sin(i) * (1 + i))];
        Tensor integers = Tensor.From(values, 5, 32).Quantize(type, 16);
        Tensor expected = integers.To(DType.F32).To(DType.BF16);
        Assert.Equal(expected.Bytes.ToArray(), WeightForms.Rounded(integers, pieceValues: 64).Bytes.ToArray());
        Assert.Equal([5, 32], WeightForms.Rounded(integers).Shape.ToArray());
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    [InlineData(DType.Int8)]
    [InlineData(DType.Int4)]
    public void SelectRows_OfAnyType_TakesScalesAlong(DType type)
    {
        Tensor all = Tensor.From([.. Enumerable.Range(0, 96).Select(i => (float)Math.Sin(i) * (1 + i))], 3, 32);
        Tensor stored = type.IsInteger() ? all.Quantize(type, 16) : all.To(type);
        float[] expected = [.. stored.To(DType.F32).Row(2), .. stored.To(DType.F32).Row(0), .. stored.To(DType.F32).Row(2)];
        Assert.Equal(expected, stored.SelectRows([2, 0, 2]).To(DType.F32).Floats.ToArray());
    }

    private static Tensor Values() => Tensor.From([.. Enumerable.Range(0, 128).Select(i => (float)Math.Cos(i))], 2, 64);
}
