using System.Text.RegularExpressions;
using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Puzzles;
using Cinnabar.Sampling;

namespace Cinnabar.Cli.Tests;

[Collection(ConsoleTests.Name)]
public sealed class GridDisplayTests(TinyModel tiny)
{
    private const int Cells = 81;

    [Fact]
    public void Lines_CellsThatAreNoPrintableCharacter_AreQuestionMarks()
    {
        string text = string.Join('\n', GridDisplay.Lines("1\u001b2\n3 4\u009b5\u202e6日7"));
        Assert.StartsWith("1 ? 2 │ ? 3 ? │ 4 ? 5\n? 6 ? │ 7 ? ? │ ? ? ?\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_TokensOfControlCharacters_SendsOnlyItsOwnAndCountsItsPause()
    {
        int escape = tiny.Model.Tokenizer.Encode("\u001b").Single();
        Canvas canvas = new([CanvasSegment.Text([.. Enumerable.Repeat(escape, Cells)])], tiny.Model.TokensFor(exactLength: true));
        StringWriter writer = new();
        Screen live = new(Live: true, Colours: true, ResultIsShown: true);
        using GridDisplay display = new(writer, live, SudokuGrid.Parse(new string('0', Cells), 9));
        Assert.Equal(TimeSpan.Zero, display.Spent);

        display.Show(new DenoisingStep(1, 1, 0, 0, canvas) { FinalBefore = Cells }, tiny.Model.Tokenizer);

        string left = Regex.Replace(writer.ToString(), "\u001b\\[([0-9;]*m|K)", "");
        Assert.DoesNotContain('\u001b', left);
        Assert.Equal(Cells, left.Count(c => c == '?'));
        Assert.InRange(display.Spent, TimeSpan.FromMilliseconds(30), TimeSpan.FromMinutes(1)); // it rests for 40 ms
    }
}
