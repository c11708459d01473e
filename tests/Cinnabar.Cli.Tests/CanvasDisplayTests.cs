using System.Text.RegularExpressions;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests;

[Collection(ConsoleTests.Name)]
public sealed class CanvasDisplayTests(TinyModel tiny)
{
    private static readonly Screen s_live = new(Live: true, Colours: true, ResultIsShown: true);

    [Fact]
    public void Display_TextWithEscapeSequences_SendsOnlyItsOwn()
    {
        string output = Show(s_live, "\u001b]0;evil\u0007 \u009b31m \u202e a = <fill:6> \u001b[2J", out _);

        string left = Regex.Replace(output, "\u001b\\[(\\?25[lh]|\\?7[lh]|[0-9;]*m|[0-9]*A|K|J)", "");
        Assert.NotEqual(output, left);
        Assert.DoesNotContain(left, c => char.IsControl(c) && c is not ('\r' or '\n'));
        Assert.DoesNotContain('\u202e', left);
        Assert.Contains("\u241b]0;evil\u2407", left);
    }

    [Fact]
    public void Display_WhenDone_GivesTheTerminalBack()
    {
        string output = Show(s_live, "a = <fill:4>;", out int steps);

        Assert.True(steps > 0);
        Assert.StartsWith("\e[?25l\e[?7l", output);
        Assert.EndsWith("\e[J\e[0m\e[?7h\e[?25h", output);
    }

    [Fact]
    public void Display_CancelledInTheMiddle_GivesTheTerminalBack()
    {
        StringWriter writer = new();
        using CancellationTokenSource source = new();

        Assert.Throws<OperationCanceledException>(() =>
        {
            using CanvasDisplay display = new(writer, tiny.Model.Tokenizer, s_live, trace: false, () => (80, 24));
            tiny.Model.Infill(TextWithHoles.Parse("a = <fill:4>;"), onStep: step =>
            {
                display.Show(step);
                source.Cancel();
            }, cancellation: source.Token);
        });

        Assert.EndsWith("\e[?7h\e[?25h", writer.ToString());
    }

    [Fact]
    public void Display_NoColour_HasNoColours()
    {
        string output = Show(s_live with { Colours = false }, "a = <fill:4>;", out _);

        Assert.DoesNotMatch("\u001b\\[[1-9][0-9;]*m", output);
        Assert.Contains("step ", output);
    }

    [Fact]
    public void Display_NotLive_PrintsNothing()
    {
        Assert.Equal("", Show(s_live with { Live = false }, "a = <fill:4>;", out _));
    }

    [Fact]
    public void Picture_ShowsMasksThenTokensAndHidesWhatFollowsTheEnd()
    {
        Canvas canvas = tiny.Model.CanvasFor(TextWithHoles.Parse("x\ny = <fill:3>;\nz")).Canvas;
        IReadOnlyList<PictureRow> before = CanvasPicture.Draw(canvas, tiny.Model.Tokenizer, 0, 80);
        Assert.Equal(["x", "y =░░░;", "z"], before.Select(row => row.Plain));

        new Sampler(tiny.Model.Denoiser).Run(canvas, new SamplerOptions { Temperature = 1, Seed = 2 });
        string expected = TerminalText.Safe(tiny.Model.Tokenizer.Decode(canvas.Text()));
        Assert.Equal(expected, string.Join('\n', CanvasPicture.Draw(canvas, tiny.Model.Tokenizer, 0, 80).Select(row => row.Plain)));
    }

    // One position holds the word, and there is noise in the others.
    [Theory]
    [InlineData("The cat<fill:1>)", 0, "The cat sat)")]
    [InlineData("The cat<fill:2>)", 0, "The cat sat░)")]
    [InlineData("<fill:2>)", 0, "sat░)")] // here the text begins
    [InlineData("<fill:2>)", 1, "░ sat)")]
    public void Picture_TokenizerThatBeginsTextsWithASpace_LeavesItOutAtTheBeginAlone(string text, int at, string expected)
    {
        string path = Path.Combine(tiny.Folder, $"llama-{Guid.NewGuid():N}");
        LlamaModelFolder.Write(path);
        DiffusionModel model = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        int word = model.Tokenizer.TokenToId(" sat")!.Value;
        List<string> seen = [];
        for (ulong seed = 0; seed < 2000 && seen.Count == 0; seed++)
        {
            Canvas canvas = model.CanvasFor(TextWithHoles.Parse(text)).Canvas;
            Hole hole = canvas.Holes[0];
            new Sampler(model.Denoiser).Run(canvas, new SamplerOptions { Temperature = 1, Seed = seed, Steps = 2 }, observer: _ =>
            {
                if (canvas.Ids[hole.Start + at] == word && canvas.NoisyCount == hole.Length - 1)
                {
                    seen.Add(Assert.Single(CanvasPicture.Draw(canvas, model.Tokenizer, 0, 80)).Plain);
                }
            });
        }

        Assert.Equal([expected], seen);
    }

    [Fact]
    public void Picture_LongLine_GoesOnInTheNextRow()
    {
        Canvas canvas = tiny.Model.CanvasFor(TextWithHoles.Parse("日本 abcdef<fill:2>")).Canvas;

        string[] rows = [.. CanvasPicture.Draw(canvas, tiny.Model.Tokenizer, 0, 5).Select(row => row.Plain)];

        Assert.Equal(["日本 ", "abcde", "f░░"], rows);
    }

    [Fact]
    public void Around_MoreRowsThanFit_ShowsThoseWithMasks()
    {
        string lines = string.Concat(Enumerable.Repeat("a\n", 20));
        Canvas canvas = tiny.Model.CanvasFor(TextWithHoles.Parse(lines + "<fill:1>\n" + lines)).Canvas;

        IReadOnlyList<PictureRow> shown = CanvasPicture.Around(CanvasPicture.Draw(canvas, tiny.Model.Tokenizer, 0, 80), 7);

        Assert.Equal(7, shown.Count);
        Assert.Contains(shown, row => row.Has(Look.Mask));
    }

    [Theory]
    [InlineData("plain é 🙂\n", "plain é 🙂\n")]
    [InlineData("\u001b[31m", "\u241b[31m")]
    [InlineData("a\tb", "a\tb")]
    [InlineData("a\r\nb\rc", "a\nb\u240dc")]
    [InlineData("\u007f\u0085\u009b\u2028\ufeff", "\u2421\ufffd\ufffd\ufffd")]
    public void Safe_ControlCharacters_BecomePictures(string text, string expected)
    {
        Assert.Equal(expected, TerminalText.Safe(text));
    }

    private string Show(Screen screen, string text, out int steps)
    {
        StringWriter writer = new();
        using (CanvasDisplay display = new(writer, tiny.Model.Tokenizer, screen, trace: false, () => (80, 24)))
        {
            steps = tiny.Model.Infill(TextWithHoles.Parse(text), onStep: display.Show).Steps;
        }

        return writer.ToString();
    }
}
