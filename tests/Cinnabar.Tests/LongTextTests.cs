using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Serving;

namespace Cinnabar.Tests;

public sealed class LongTextTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private static readonly SamplerOptions s_options = new() { Temperature = 1, Remasking = Remasking.Random, Steps = 12, Seed = 3 };
    private readonly DiffusionModel _model = serving.Model;

    [Fact]
    public void WriteLong_PromptWithCrLf_WritesTheSameWithCrLf()
    {
        LongText lf = new("int a;\nint b;\n", 150) { Outline = ["// x"] };
        LongText crLf = lf with { Prompt = "int a;\r\nint b;\r\n" };
        GenerationResult expected = _model.WriteLong(lf, options: s_options);
        string settled = "";
        GenerationResult found = _model.WriteLong(
            crLf, options: s_options, onStep: step => settled = crLf.Settled(_model, step.Canvas, step.FinalBefore));
        Assert.Equal(expected.TokenIds, found.TokenIds);
        Assert.StartsWith(crLf.Prompt, found.Text, StringComparison.Ordinal);
        Assert.Contains("\r\n\r\n// x", found.Text, StringComparison.Ordinal);
        Assert.Equal(expected.Holes.Select(hole => WithCrLf(hole.Text)), found.Holes.Select(hole => hole.Text));
        Assert.Equal(found.Text, settled);

        int[] lines = _model.Tokenizer.Encode("x\n\ny");
        Assert.Equal("x\n\ny", lf.Written(_model, lf.Layout(_model), 0, lines));
        Assert.Equal("x\r\n\r\ny", crLf.Written(_model, crLf.Layout(_model), 0, lines));

        static string WithCrLf(string text) =>
            text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\r\nb\r\n", "a\nb")] // of the last line end the first token is part
    [InlineData("a\nb\n", "a\nb")]
    [InlineData("a\nb\r\n", "a\nb\r\n")]
    [InlineData("a\r\nb\n", "a\r\nb")] // both kinds of line ends: shown as they are
    [InlineData("a\rb", "a\rb")]
    [InlineData("int a = ", "int a =")]
    [InlineData("int a =  ", "int a =  ")]
    [InlineData("\uFEFFint a", "int a")]
    [InlineData("\uFEFF", "")]
    public void Layout_Prompt_IsShownAsTextCanvasShowsIt(string prompt, string shown)
    {
        Canvas canvas = new LongText(prompt, 20).Layout(_model);
        int[] expected = [.. TextCanvas.Beginning(_model), .. _model.Tokenizer.Encode(shown)];
        Assert.Equal(expected, canvas.Ids[..canvas.Holes[0].Start].ToArray());
        Canvas usual = _model.CanvasFor(prompt, 20).Canvas;
        Assert.Equal(expected, usual.Ids[..usual.Holes[0].Start].ToArray());
    }

    [Theory]
    [InlineData("\uFEFFx = ", "y = ", "\uFEFFx = b\n\ny = b")] // the space stands there already
    [InlineData("\uFEFFx =", "y =  ", "\uFEFFx = b\n\ny =   b")]
    public void Of_SpaceBeforeARoom_StandsThereOnce(string prompt, string line, string expected)
    {
        int[] ids = _model.Tokenizer.Encode(" b");
        LongText text = new(prompt, 2 * ids.Length) { Outline = [line] };
        Canvas canvas = text.Layout(_model);
        foreach (Hole room in canvas.Holes)
        {
            foreach ((int i, int id) in ids.Index())
            {
                canvas.Commit(new Commit(room.Start + i, id, 1), 1);
            }
        }

        Assert.Equal(expected, text.Of(_model, canvas));
        Assert.Equal(expected, text.Settled(_model, canvas, canvas.Length));
    }

    [Fact]
    public void WriteLong_SegmentsMove_UnlessTheyAreToStayOrAreWrittenInBlocks()
    {
        LongText moves = new("", 300);
        LongText stays = moves with { SegmentsStay = true };
        int[] text = Ids(moves, s_options);
        Assert.Equal(text, Ids(moves, s_options));
        Assert.NotEqual(text, Ids(stays, s_options));
        SamplerOptions inBlocks = s_options with { BlockSize = 8 };
        Assert.Equal(Ids(stays, inBlocks), Ids(moves, inBlocks));

        int[] Ids(LongText asked, SamplerOptions options) => [.. _model.WriteLong(asked, options: options).TokenIds];
    }

    // Segments are read by the collage, which cannot be read left to right.
    [Fact]
    public void WriteLong_ModelThatDrafts_WritesSegmentsAsWithoutDrafts()
    {
        using TemporaryFolder folder = new();
        TinyModelFolder.WriteDrafting(folder["drafting"]);
        DiffusionModel model = DiffusionModel.Load(folder["drafting"], KernelTable.Create(threads: 1));
        Assert.NotNull(model.DefaultOptions.DraftTokens);
        LongText text = new("int a", 200);
        GenerationResult expected = model.WriteLong(text, options: model.DefaultOptions with { DraftTokens = null });
        GenerationResult found = model.WriteLong(text);
        Assert.Equal(expected.TokenIds, found.TokenIds);
        Assert.Equal(expected.ForwardPasses, found.ForwardPasses);
    }
}
