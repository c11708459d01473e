using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests;

public sealed class AutoregressiveInfillerTests
{
    private const int CanvasLength = 24;

    private static readonly Tokenizer s_tokenizer = SampleCode.Tokenizer;
    private static readonly LineHoleOptions s_options = new() { Count = 30, WindowLength = 96, CanvasLength = CanvasLength };
    private static readonly IReadOnlyList<LineHole> s_holes = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options);

    // Room for the markers, so that the network sees the whole context of a hole.
    private static readonly ModelConfig s_config = new()
    {
        HiddenSize = 8,
        NumHiddenLayers = 1,
        NumAttentionHeads = 1,
        NumKeyValueHeads = 1,
        IntermediateSize = 8,
        VocabularySize = s_tokenizer.VocabularySize,
        EmbeddingSize = s_tokenizer.VocabularySize,
        MaxSequenceLength = 100,
        MaskTokenId = s_tokenizer.MaskTokenId,
        EosTokenId = s_tokenizer.EndOfTextTokenId,
        PadTokenId = s_tokenizer.PaddingTokenId,
        BosTokenId = s_tokenizer.BeginOfTextTokenId,
    };

    private static int LineBreak => s_tokenizer.Encode("\n").Single();

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void Run_LeftToRightOracle_IsAlwaysExactAtATokenAPass(bool lengthGiven, bool endsWithLineBreak)
    {
        LeftToRightOracle oracle = new(s_holes, s_config, endsWithLineBreak ? LineBreak : s_config.EosTokenId);
        InfillResult result = InfillTask.Run(Infiller(oracle), s_holes, lengthGiven);
        Assert.Equal(s_holes.Select(hole => hole.Text), result.Predictions);
        double end = lengthGiven ? 0 : 1;
        Assert.Equal(s_holes.Average(hole => hole.Reference.Length) + end, result.ForwardPasses, 10);
    }

    [Fact]
    public void Fill_NetworkThatNeverEnds_WritesAsManyTokensAsThereIsRoomFor()
    {
        int word = s_tokenizer.Encode("x").Single();
        ConstantDenoiser network = new(word, s_config.VocabularySize, s_config.MaskTokenId, maxLength: 100);
        AutoregressiveInfiller infiller = Infiller(network);
        LineHole hole = s_holes[0];
        Assert.Equal((new string('x', CanvasLength), CanvasLength), TextAndPasses(infiller.Fill(hole, lengthGiven: false)));
        int length = hole.Reference.Length;
        Assert.Equal((new string('x', length), length), TextAndPasses(infiller.Fill(hole, lengthGiven: true)));
    }

    [Fact]
    public void Fill_NetworkThatEndsAtOnce_MayNotIfTheLengthIsGiven()
    {
        ConstantDenoiser network = new(s_config.EosTokenId, s_config.VocabularySize, s_config.MaskTokenId, maxLength: 100);
        AutoregressiveInfiller infiller = Infiller(network);
        Assert.Equal(("", 1), TextAndPasses(infiller.Fill(s_holes[0], lengthGiven: false)));
        Assert.Equal(s_holes[0].Reference.Length, infiller.Fill(s_holes[0], lengthGiven: true).Work.ForwardPasses);
    }

    [Fact]
    public void Fill_ContextThatLeavesNoRoomForTheMarkers_IsCut()
    {
        // The windows of the holes are as long as the network's input, the canvas included.
        ConstantDenoiser network = new(LineBreak, s_config.VocabularySize, s_config.MaskTokenId, s_options.WindowLength);
        AutoregressiveInfiller infiller = Infiller(network);
        Assert.Contains(s_holes, hole => hole.Before.Length + hole.After.Length + CanvasLength == s_options.WindowLength);
        Assert.All(s_holes, hole => Assert.Equal(("", 1), TextAndPasses(infiller.Fill(hole, lengthGiven: false))));
    }

    private static (string Text, int Passes) TextAndPasses(InfillPrediction prediction) => (prediction.Text, prediction.Work.ForwardPasses);

    private static AutoregressiveInfiller Infiller(IDenoiser denoiser)
    {
        CanvasTokens tokens = new(s_config.MaskTokenId, s_config.EosTokenId, s_config.PadTokenId)
        {
            NeverEmitted = [s_tokenizer.BeginOfTextTokenId],
        };
        return new AutoregressiveInfiller("fake", denoiser, new FillInTheMiddle(s_config), s_tokenizer, tokens, CanvasLength);
    }
}
