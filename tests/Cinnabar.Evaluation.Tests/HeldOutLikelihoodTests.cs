using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests;

public sealed class HeldOutLikelihoodTests
{
    private static readonly Tokenizer s_tokenizer = SampleCode.Tokenizer;

    [Fact]
    public void Measure_UniformDenoiser_IsLogVPerToken()
    {
        UniformDenoiser uniform = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, 64);
        int[][] windows = [.. SampleCode.Documents.Select(document => document[..64])];
        HeldOutLikelihood measured = HeldOutLikelihood.Measure(uniform, KernelTable.Create(threads: 1), s_tokenizer, windows, seed: 1);
        double expected = Math.Log(s_tokenizer.VocabularySize);
        Assert.Equal(expected, measured.NatsPerToken.Nats, 5);
        Assert.Equal(0, measured.NatsPerToken.StandardError, 5);
        long bytes = windows.Sum(window => window.Sum(id => (long)s_tokenizer.ByteLength(id)));
        Assert.Equal((windows.Length, windows.Length * 64L, bytes), (measured.Windows, measured.Tokens, measured.Bytes));
        Assert.Equal(expected / Math.Log(2) * measured.Tokens / bytes, measured.BitsPerByte.Nats, 5);
    }

    [Fact]
    public void MeasureExact_UniformDenoiser_IsLogVPerTokenAndSaysThatItIsExact()
    {
        UniformDenoiser uniform = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, 64);
        int[][] windows = [.. SampleCode.Documents.Select(document => document[..64])];
        KernelTable kernels = KernelTable.Create(threads: 1);
        List<int> done = [];
        HeldOutLikelihood exact = HeldOutLikelihood.MeasureExact(uniform, kernels, s_tokenizer, windows, done.Add);
        Assert.Equal(Math.Log(s_tokenizer.VocabularySize), exact.NatsPerToken.Nats, 5);
        Assert.Equal(Enumerable.Range(1, windows.Length), done);
        Assert.Contains("bits per byte, exact", exact.ToString(), StringComparison.Ordinal);
        Assert.Contains("| held-out text, exact likelihood |", exact.ToMarkdown(), StringComparison.Ordinal);
        HeldOutLikelihood bound = HeldOutLikelihood.Measure(uniform, kernels, s_tokenizer, windows, seed: 1);
        Assert.Contains("bits per byte at most", bound.ToString(), StringComparison.Ordinal);
        Assert.Contains("| held-out text, likelihood bound |", bound.ToMarkdown(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, 10, 4, new long[] { 0, 30, 60, 90 })]
    [InlineData(25, 10, 4, new long[] { 0, 15 })]
    [InlineData(15, 10, 4, new long[] { 0 })]
    [InlineData(9, 10, 4, new long[0])]
    public void Spread_AnyText_GivesWindowsInsideIt(long tokenCount, int length, int count, long[] expected) =>
        Assert.Equal(expected, HeldOutLikelihood.Spread(tokenCount, length, count));
}
