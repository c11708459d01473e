using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Tokenizers;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests;

/// <summary>What <see cref="DiffusionModel"/> says of how a text came about, when it stops, and what it refuses to load.</summary>
public sealed class FrontDoorTests : IDisposable
{
    private static readonly TextWithHoles s_text = new(["int a", ";"], [6]) { LeastTokens = [6] };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_TokenizerLargerThanTheNetworksTable_IsRefused()
    {
        string path = _folder["tiny"];
        TinyModelFolder.Write(path);
        File.Copy(TokenizerData.SmallPath, Path.Combine(path, "tokenizer.json"), overwrite: true);
        string message = Assert.Throws<CinnabarException>(() => DiffusionModel.Load(path, KernelTable.Create(threads: 1))).Message;
        Assert.Contains($"(vocab_size), found {Tokenizer.Load(TokenizerData.SmallPath).VocabularySize}.", message);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(0.5, 6)]
    public void Infill_Result_SaysHowItCameAbout(double guidance, int passes)
    {
        List<DenoisingStep> steps = [];
        GenerationResult result = Model().Infill(
            s_text, new SamplerOptions { Steps = 3, Temperature = 1, Seed = 9, CfgScale = guidance }, steps.Add);
        Assert.Equal("tiny", result.Model);
        Assert.Equal(9UL, result.Seed);
        Assert.Equal(6, result.NewTokens);
        Assert.Equal(3, result.Steps);
        Assert.Equal([1, 2, 3], steps.Select(step => step.Step));
        Assert.Equal(passes, result.ForwardPasses);
        Assert.Equal((long)passes * steps[0].Canvas.Length, result.ComputedPositions);
        Assert.Equal(0, result.OmittedTokens);
        Assert.Equal(0, result.LengthPasses);
        Assert.True(result.Elapsed > TimeSpan.Zero);
    }

    [Fact]
    public void Infill_TextLongerThanTheContext_SaysHowManyTokensWereLeftOut()
    {
        DiffusionModel model = Model();
        string before = string.Concat(Enumerable.Repeat("int a, b; ", 40)) + "int";
        string behind = string.Concat(Enumerable.Repeat(" a > b ? a : b;", 40));
        GenerationResult result = model.Infill(new TextWithHoles([before, behind], [10]) { LeastTokens = [10] });
        int known = model.Tokenizer.Encode(before).Length + model.Tokenizer.EncodeBehind(behind).Length
            + (model.Config.BosTokenId is null ? 0 : 1);
        Assert.InRange(result.TokenIds.Count, TinyModelFolder.Context - 4, TinyModelFolder.Context);
        Assert.Equal(known - (result.TokenIds.Count - 10), result.OmittedTokens);
        Assert.Equal(before + result.Holes[0].Text + behind, result.Text);
    }

    [Fact]
    public void Generate_SameSeed_GivesTheSameTextAndAnotherSeedAnother()
    {
        DiffusionModel model = Model();
        SamplerOptions options = new() { Temperature = 1, Seed = 1, MaxNewTokens = 24 };
        GenerationResult first = model.Generate("int a", options);
        GenerationResult other = model.Generate("int a", options with { Seed = 2 });
        Assert.NotEqual(first.TokenIds, other.TokenIds);
        Assert.Equal(first.TokenIds, model.Generate("int a", options).TokenIds);
    }

    [Fact]
    public void Generate_CancelledBefore_MakesNoPass()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        int steps = 0;
        DiffusionModel model = Model();
        Assert.ThrowsAny<OperationCanceledException>(() => model.Generate("int", new SamplerOptions(), _ => steps++, source.Token));
        Assert.Equal(0, steps);
    }

    [Fact]
    public void Infill_CancelledInAStep_StopsBeforeTheNext()
    {
        using CancellationTokenSource source = new();
        int steps = 0;
        DiffusionModel model = Model();
        Assert.ThrowsAny<OperationCanceledException>(() => model.Infill(s_text, new SamplerOptions(), Observe, source.Token));
        Assert.Equal(1, steps);

        void Observe(DenoisingStep step)
        {
            steps++;
            source.Cancel();
        }
    }

    [Theory]
    [InlineData(AttentionKind.Full, HoleKind.Infill)]
    [InlineData(AttentionKind.Causal, HoleKind.Continuation)]
    public void TokensFor_ExactLength_ForbidsWhatEndsAHole(AttentionKind kind, HoleKind hole)
    {
        DiffusionModel model = Model(kind);
        CanvasTokens exact = model.TokensFor(exactLength: true);
        int[] ends = [.. model.TokensFor(exactLength: false).EndsOf(hole)];
        Assert.NotEmpty(ends);
        Assert.Empty(exact.EndsOf(hole));
        Assert.Subset(exact.Forbidden(hole).ToHashSet(), ends.ToHashSet());
    }

    private DiffusionModel Model(AttentionKind kind = AttentionKind.Full)
    {
        string path = _folder["tiny"];
        TinyModelFolder.Write(path, config => config with { AttentionKind = kind, ShiftLogits = kind == AttentionKind.Causal });
        return DiffusionModel.Load(path, KernelTable.Create(threads: 1));
    }
}
