using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests;

/// <summary>The largest pieces of memory. Nothing is written to them, so they take none.</summary>
public sealed unsafe class TensorSizeTests
{
    [Theory]
    [InlineData(DType.F32, 536_870_881)]
    [InlineData(DType.BF16, 1_073_741_763)]
    [InlineData(DType.Int8, 2_147_483_527)]
    public void Zeros_AsManyAsAnArrayHolds_AreMadeAndOneMoreIsNot(DType type, int most)
    {
        Assert.Equal(most, Tensor.Zeros(type, most).Count);
        string message = Assert.Throws<ArgumentException>(() => Tensor.Zeros(type, most + 1)).Message;
        Assert.Contains($"at most 2,147,483,527 bytes, found {type} [{most + 1}] of 2,147,483,528", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Zeros_MoreThanCanBeCounted_NamesTheShape()
    {
        string message = Assert.Throws<ArgumentException>(() => Tensor.Zeros(2, 50_000, 50_000)).Message;
        Assert.Contains("at most 2,147,483,647 elements, found [2, 50000, 50000]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reserve_MoreThanAnArrayHolds_NamesSizeAndLimit()
    {
        string message = Assert.Throws<ArgumentException>(() => { new PanelBuffer().Reserve(600_000_000); }).Message;
        Assert.Contains("at most 2,147,483,591 bytes, found 2,400,000,064", message, StringComparison.Ordinal);
    }
}
