namespace Cinnabar.Evaluation.Tests;

public sealed class EditSimilarityTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("saturday", "sunday", 3)]
    [InlineData("flaw", "lawn", 2)]
    [InlineData("return x;", "return x;", 0)]
    public void Distance_KnownPairs_IsLevenshtein(string a, string b, int expected)
    {
        Assert.Equal(expected, EditSimilarity.Distance(a, b));
        Assert.Equal(expected, EditSimilarity.Distance(b, a));
    }

    [Theory]
    [InlineData("", "", 1)]
    [InlineData("abc", "", 0)]
    [InlineData("abc", "xyz", 0)]
    [InlineData("kitten", "sitting", 4.0 / 7)]
    public void Of_KnownPairs_IsOneMinusDistanceOverLongerLength(string a, string b, double expected) =>
        Assert.Equal(expected, EditSimilarity.Of(a, b), 12);

    [Fact]
    public void SampleMean_ZerosAndOnes_HasBinomialError()
    {
        SampleMean mean = SampleMean.Of([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(0.3, mean.Mean, 12);
        Assert.Equal(Math.Sqrt(0.3 * 0.7 / 9), mean.StandardError, 12);
        Assert.Equal(new SampleMean(5, 0), SampleMean.Of([5]));
        Assert.Equal(new SampleMean(0, 0), SampleMean.Of([]));
    }
}
