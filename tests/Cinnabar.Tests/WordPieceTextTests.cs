using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Tokenizers;

namespace Cinnabar.Tests;

/// <summary>WordPiece puts a space in front of every word but the first; in a text it stands where it is needed.</summary>
public sealed class WordPieceTextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private DiffusionModel? _loaded;

    public void Dispose()
    {
        _loaded?.Kernels.Workers.Dispose();
        _folder.Dispose();
    }

    private DiffusionModel Model => _loaded ??= Load();

    // " x" is the word, "x" what goes on with one ("##x").
    [Theory]
    [InlineData("f", " x", "f x")]
    [InlineData("f", "x", "fx")]
    [InlineData("f ", " x", "f x")]
    [InlineData("f  ", " x", "f  x")]
    [InlineData("f\n", " x", "f\nx")]
    [InlineData("f(", " x", "f(x")]
    [InlineData("f(", "x", "f(x")]
    [InlineData("f)", " x", "f) x")]
    [InlineData("f,", " x", "f, x")]
    [InlineData("“", " x", "“x")]
    [InlineData("“f”", " x", "“f” x")]
    [InlineData("\"", " x", "\"x")]
    [InlineData("f \"", " x", "f \"x")]
    [InlineData("f=\"", " x", "f=\"x")]
    [InlineData("(\"'", " x", "(\"'x")]
    [InlineData("\"f\"", " x", "\"f\" x")]
    [InlineData("f.\"", " x", "f.\" x")]
    [InlineData("", " x", "x")] // the next three have no tokens: the text begins with the hole
    [InlineData("\n", " x", "\nx")]
    [InlineData("\0", " x", "\0x")]
    public void Hole_Word_HasASpaceWhereItNeedsOne(string before, string token, string expected)
    {
        foreach (TextCanvas text in (TextCanvas[])[Model.CanvasFor(before, 1), Model.CanvasFor(new TextWithHoles([before, ""], [1]))])
        {
            Write(text.Canvas, token);
            GenerationResult result = text.ToResult();
            Assert.Equal(expected, result.Text);
            Assert.Equal(expected, before + result.Holes[0].Text);

            SettledText settled = new(text, Model.Tokenizer, 0, []);
            DenoisingStep step = new(1, 1, 0, text.Canvas.NoisyCount, text.Canvas.Copy()) { FinalBefore = text.Canvas.Length };
            Assert.Equal(result.Holes[0].Text, settled.Append(step) + settled.Finish(result));
        }

        LongText longText = new(before, 1);
        Canvas canvas = longText.Layout(Model);
        Write(canvas, token);
        Assert.Equal(expected, longText.Of(Model, canvas));
        Assert.Equal(expected, longText.Settled(Model, canvas, canvas.Length));
    }

    [Fact]
    public void Hole_BehindAMillionQuotationMarks_IsLaidOut()
    {
        TextCanvas text = Model.CanvasFor(new TextWithHoles(["f" + new string('\'', 1_000_000), ""], [1]));
        Assert.True(text.OmittedTokens > 0);
    }

    [Fact]
    public void Holes_OneBehindTheOther_AreEachAboutTheTextBefore()
    {
        TextCanvas text = Model.CanvasFor(new TextWithHoles(["the ", " (", ") ", "\"", ""], [1, 1, 1, 1]));
        Write(text.Canvas, " x");
        Assert.Equal("the x (x) x\" x", text.ToResult().Text);

        LongText longText = new("the", 2) { Outline = ["f("] };
        Canvas canvas = longText.Layout(Model);
        Write(canvas, " x");
        Assert.Equal("the x\n\nf(x", longText.Of(Model, canvas));
    }

    [Fact]
    public void Infill_ConstraintBehindABracket_IsAboutTheTextWithoutASpace()
    {
        TextWithHoles text = new(["f(", ")"], [1]) { Constraints = [Constraint.FromRegex("the|fox")], LeastTokens = [1] };
        string[] texts =
        [
            .. Enumerable.Range(0, 60).Select(seed => Model.Infill(text, new SamplerOptions { Temperature = 1, Seed = (ulong)seed }).Text),
        ];
        Assert.Equal(["f(fox)", "f(the)"], texts.Distinct().Order());
    }

    // The same token into every hole, each of one position.
    private void Write(Canvas canvas, string token)
    {
        foreach (Hole hole in canvas.Holes)
        {
            canvas.Commit(new Commit(hole.Start, Model.Tokenizer.TokenToId(token)!.Value, 1), 1);
        }
    }

    private DiffusionModel Load()
    {
        string path = _folder["model"];
        TinyModelFolder.WriteWith(File.ReadAllBytes(TokenizerData.FamilyPath("bert")), path);
        return DiffusionModel.Load(path, KernelTable.Create(threads: 1));
    }
}
