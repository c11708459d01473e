using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Proofreading;
using Cinnabar.Tests.Sampling;
using Cinnabar.Tests.Serving;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Proofreading;

/// <summary>What is refused, what fails, and how much is asked of a network at once.</summary>
public sealed class ProofreaderLimitsTests
{
    private static readonly Tokenizer s_tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 270, Threads = 1 })
        .Train(["int a = b;\nint c = d;\n", "int a = b;\nint c = d;\n"]);

    [Theory]
    [InlineData(-1, 1, 1, 1)]
    [InlineData(double.NaN, 1, 1, 1)]
    [InlineData(1, 0, 1, 1)]
    [InlineData(1, 1, 11, 1)]
    [InlineData(1, 1, 1, 101)]
    public void OptionsOutOfRange_AreRefused(double threshold, int most, int alternatives, int places)
    {
        ProofreadingOptions options = new()
        {
            Threshold = threshold,
            Most = most,
            Alternatives = alternatives,
            PlacesPerHundredTokens = places,
        };

        Assert.Contains("proofreading", Assert.Throws<CinnabarException>(options.Validate).Message);
    }

    [Fact]
    public void ShortContext_IsRefusedAndTheShortestWorks()
    {
        string text = string.Concat(Enumerable.Repeat("int a = b;\n", 12));
        int count = s_tokenizer.Encode(text).Length;

        Assert.Contains("16 tokens", Assert.Throws<CinnabarException>(() => Reader(Network(15))).Message);
        Assert.Equal(count, Reader(Network(16)).Read(text).Tokens.Count);
        Assert.Equal(count, Reader(Network(16), isAutoregressive: true).Read(text).Tokens.Count);
    }

    // Logits of all positions of a long context would take gigabytes where the vocabulary is large.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LongContext_IsReadInWindows(bool isAutoregressive)
    {
        int[] ids = s_tokenizer.Encode(string.Concat(Enumerable.Repeat("q;", 2500)));
        Assert.Equal(5000, ids.Length);
        TableDenoiser network = Network(32_768);

        ProofreadText read = Reader(network, isAutoregressive).Read(string.Concat(Enumerable.Repeat("q;", 2500)));

        Assert.Equal(ids, read.Tokens.Select(token => token.TokenId));
        Assert.Equal(ids.Length, network.AskedRows.Sum(rows => rows.Length));
        Assert.InRange(network.AskedIds.Max(asked => asked.Length), 1025, 2048);
        Assert.InRange(network.AskedRows.Max(rows => rows.Length), 200, 512);
    }

    [Theory]
    [InlineData(AttentionKind.BlockCausal)]
    [InlineData(AttentionKind.Causal)]
    public void NetworkWithoutBothSides_IsRefused(AttentionKind kind)
    {
        using ServingModel serving = new();
        DiffusionModel model = serving.Load(1, config => config with { AttentionKind = kind, AttentionBlockSize = 8 });

        Assert.Contains("both sides", Assert.Throws<CinnabarException>(() => new Proofreader(model)).Message);
    }

    [Fact]
    public void StepBehindAFailure_FailsToo()
    {
        TableDenoiser network = new(
            s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (_, _, _) => throw new NotSupportedException("broken"));
        ProofreadingRun run = Reader(network).Start("a");

        Assert.Throws<NotSupportedException>(() => run.Step());
        Assert.IsType<NotSupportedException>(Assert.Throws<InvalidOperationException>(() => run.Step()).InnerException);
        Assert.Throws<InvalidOperationException>(() => run.Result);
    }

    private static TableDenoiser Network(int length) =>
        new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (_, _, _) => 0) { MaxLength = length };

    private static Proofreader Reader(IDenoiser network, bool isAutoregressive = false) => new(
        network,
        s_tokenizer,
        new(s_tokenizer.MaskTokenId, null, null),
        isAutoregressive,
        [s_tokenizer.BeginOfTextTokenId],
        new ProofreadingOptions { Threshold = 1 });
}
