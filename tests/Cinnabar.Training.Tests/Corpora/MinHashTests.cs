using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class MinHashTests
{
    private const int Words = 2000;

    // k words of n changed, far from each other, change 5k shingles: J = (n − 5k) ÷ (n + 5k).
    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(40)]
    [InlineData(100)]
    [InlineData(200)]
    public void Similarity_ChangedWords_EstimatesJaccard(int changed)
    {
        double estimate = 0;
        for (int seed = 0; seed < 10; seed++)
        {
            estimate += MinHash.Similarity(MinHash.Signature(Text(seed, 0))!, MinHash.Signature(Text(seed, changed))!) / 10;
        }

        double expected = (double)(Words - (5 * changed)) / (Words + (5 * changed));
        Assert.InRange(estimate, expected - 0.06, expected + 0.06); // 4 standard deviations of 1,280 bins
    }

    [Fact]
    public void Signature_OtherWhiteSpace_IsTheSame()
    {
        Assert.Equal(MinHash.Signature("int a = b + c;"), MinHash.Signature("int\ta =\n  b+c;"));
    }

    [Fact]
    public void Signature_ShortText_HasNoneOrIsComparable()
    {
        Assert.Null(MinHash.Signature("a b c d"));
        ulong[] five = MinHash.Signature("a b c d e")!;
        Assert.Equal(1, MinHash.Similarity(five, MinHash.Signature("a b c d e")!));
        Assert.Equal(0, MinHash.Similarity(five, MinHash.Signature("v w x y z")!));
    }

    private static string Text(int seed, int changed)
    {
        Random random = new(seed);
        string[] words = [.. Enumerable.Range(0, Words).Select(_ => $"w{random.Next()}")];
        for (int i = 0; i < changed; i++)
        {
            words[i * (Words / changed)] = $"x{i}";
        }

        return string.Join(' ', words);
    }
}
