// Shows a Sudoku being filled, in place on standard error: clues faint, empty cells ·, fresh digits bright, the others plain.
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
    private const string Faint = "\e[2m";
    private const string Bright = "\e[1;32m";
    private const string Plain = "\e[0m";

    // A network of this size fills a grid faster than the eye follows.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(40);

    private int _rows;

    /// <summary>A grid as lines of text, with rules between the boxes.</summary>
    public static IEnumerable<string> Lines(string cells) => Lines(cells, cell => cells[cell].ToString());

    /// <summary>Draws the grid after a step.</summary>
    public void Show(DenoisingStep step, Tokenizer tokenizer)
    {
        if (!screen.Live)
        {
            return;
        }

        int first = step.Canvas.Length - (Side * Side);
        HashSet<int> fresh = [.. step.Commits.Select(commit => commit.Position - first)];
        string cells = string.Concat(Enumerable.Range(first, Side * Side).Select(position =>
            step.Canvas.StateOf(position) == PositionState.Noisy ? "·" : tokenizer.Decode([step.Canvas.Ids[position]])));
        StringBuilder frame = new(_rows > 0 ? $"\e[{_rows}A\r" : "");
        _rows = 0;
        foreach (string line in Lines(cells, cell => Coloured(cells[cell], puzzle.Cells[cell] != 0, fresh.Contains(cell))))
        {
            frame.Append(line).Append("\e[K\n");
            _rows++;
        }

        writer.Write(frame);
        writer.Flush();
        Thread.Sleep(s_pause);
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

    private static IEnumerable<string> Lines(string cells, Func<int, string> shown)
    {
        for (int row = 0; row < Side; row++)
        {
            if (row is 3 or 6)
            {
                yield return Rule;
            }

            IEnumerable<string> boxes = Enumerable.Range(0, 3).Select(box =>
                string.Join(' ', Enumerable.Range((row * Side) + (box * 3), 3).Select(cell => cell < cells.Length ? shown(cell) : "?")));
            yield return string.Join(" │ ", boxes);
        }
    }

    private string Coloured(char digit, bool isClue, bool isFresh)
    {
        string colour = isClue ? Faint : isFresh ? Bright : "";
        return screen.Colours && colour.Length > 0 ? colour + digit + Plain : digit.ToString();
    }
}
