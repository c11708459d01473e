// Shows a Sudoku being filled, in place on standard error: clues faint, empty cells ·, fresh digits bright, the others plain. What a model
// wrote into a cell is shown if it is one character that a terminal shows in one column, else as ?.
using System.Diagnostics;
using System.Text;
using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Puzzles;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli;

internal sealed class GridDisplay(TextWriter writer, Screen screen, SudokuGrid puzzle) : IDisposable
{
    private const int Side = 9;
    private const string Rule = "──────┼───────┼──────";
    private const char Empty = '·';
    private const char Unreadable = '?';
    private const string Faint = "\e[2m";
    private const string Bright = "\e[1;32m";
    private const string Plain = "\e[0m";

    // A network of this size fills a grid faster than the eye follows.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(40);

    private readonly Stopwatch _time = new();
    private int _rows;

    /// <summary>How long it has shown steps, pauses included.</summary>
    public TimeSpan Spent => _time.Elapsed;

    /// <summary>A grid as lines of text, with rules between the boxes.</summary>
    public static IEnumerable<string> Lines(string cells) =>
        Lines(cell => (cell < cells.Length ? Shown(cells[cell].ToString()) : Unreadable).ToString());

    /// <summary>Draws the grid after a step.</summary>
    public void Show(DenoisingStep step, Tokenizer tokenizer)
    {
        if (!screen.Live)
        {
            return;
        }

        _time.Start();
        int first = step.Canvas.Length - (Side * Side);
        HashSet<int> fresh = [.. step.Commits.Select(commit => commit.Position - first)];
        char[] cells =
        [
            .. Enumerable.Range(first, Side * Side).Select(position =>
                step.Canvas.StateOf(position) == PositionState.Noisy ? Empty : Shown(tokenizer.Decode([step.Canvas.Ids[position]]))),
        ];
        StringBuilder frame = new(_rows > 0 ? $"\e[{_rows}A\r" : "");
        _rows = 0;
        foreach (string line in Lines(cell => Coloured(cells[cell], puzzle.Cells[cell] != 0, fresh.Contains(cell))))
        {
            frame.Append(line).Append("\e[K\n");
            _rows++;
        }

        writer.Write(frame);
        writer.Flush();
        Thread.Sleep(s_pause);
        _time.Stop();
    }

    /// <summary>Takes the picture away.</summary>
    public void Dispose()
    {
        if (_rows > 0)
        {
            writer.Write($"\e[{_rows}A\r\e[J{Plain}");
            writer.Flush();
            _rows = 0;
        }
    }

    private static char Shown(string cell) =>
        cell is [char c] && !char.IsWhiteSpace(c) && Rune.TryCreate(c, out Rune rune) && TerminalText.Columns(rune) == 1
            && TerminalText.Safe(cell) == cell
            ? c
            : Unreadable;

    private static IEnumerable<string> Lines(Func<int, string> shown)
    {
        for (int row = 0; row < Side; row++)
        {
            if (row is 3 or 6)
            {
                yield return Rule;
            }

            IEnumerable<string> boxes = Enumerable.Range(0, 3).Select(box =>
                string.Join(' ', Enumerable.Range((row * Side) + (box * 3), 3).Select(shown)));
            yield return string.Join(" │ ", boxes);
        }
    }

    private string Coloured(char digit, bool isClue, bool isFresh)
    {
        string colour = isClue ? Faint : isFresh ? Bright : "";
        return screen.Colours && colour.Length > 0 ? colour + digit + Plain : digit.ToString();
    }
}
