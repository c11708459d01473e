namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class ComparisonTests
{
    [Theory]
    [InlineData(new[] { 1f, 2f, 3f }, new[] { 1f, 2f, 3f }, true)]
    [InlineData(new[] { 0f, 0f }, new[] { 0f, 0f }, true)]
    [InlineData(new[] { 0f, 0f }, new[] { 0f, 1e-20f }, false)]
    [InlineData(new[] { 1f, 2f, 3f }, new[] { 1f, 2f, 3.00001f }, true)]
    [InlineData(new[] { 1f, 2f, 3f }, new[] { 1f, 2f, 3.0001f }, false)]
    [InlineData(new[] { 1f, float.NegativeInfinity }, new[] { 1f, float.NegativeInfinity }, true)]
    [InlineData(new[] { 1f, float.NegativeInfinity }, new[] { 1f, 0f }, false)]
    [InlineData(new[] { 1f, 2f }, new[] { 1f, float.NaN }, false)]
    [InlineData(new[] { 1f, 2f }, new[] { 1f }, false)]
    public void Difference_OfTwoResults_IsToldBeyondTheBound(float[] expected, float[] actual, bool isNone) =>
        Assert.Equal(isNone, Comparison.Difference(expected, actual, Comparison.Exact) is null);
}
