// A canvas as rows of text for a terminal: known text, one ░ for each mask, and what was written into the holes.
//
// Tokens end in the middle of characters, so runs of tokens of the same look are decoded together, each as what goes on with the ones
// before it. What follows the end of a hole is no text and is not shown. Lines longer than the terminal go on in the next row.
using System.Text;
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli;

/// <summary>How a stretch of text is drawn.</summary>
internal enum Look
{
    /// <summary>Given from the start.</summary>
    Known,

    /// <summary>Not written yet.</summary>
    Mask,

    /// <summary>Written since the last picture.</summary>
    Fresh,

    /// <summary>Written before.</summary>
    Settled,
}

/// <summary>A stretch of text of one look.</summary>
internal readonly record struct Stretch(string Text, Look Look);

/// <summary>A row of the terminal.</summary>
internal sealed class PictureRow
{
    private readonly List<Stretch> _stretches = [];

    public IReadOnlyList<Stretch> Stretches => _stretches;

    public int Columns { get; private set; }

    public bool Has(Look look) => _stretches.Exists(s => s.Look == look);

    public bool InHole => _stretches.Exists(s => s.Look != Look.Known);

    public string Plain => string.Concat(_stretches.Select(s => s.Text));

    public void Append(Rune rune, Look look, int columns)
    {
        Columns += columns;
        if (_stretches.Count > 0 && _stretches[^1].Look == look)
        {
            _stretches[^1] = new Stretch(_stretches[^1].Text + rune, look);
        }
        else
        {
            _stretches.Add(new Stretch(rune.ToString(), look));
        }
    }
}

internal static class CanvasPicture
{
    private const string Mask = "░";
    private const string Tab = "    ";

    /// <summary>Draws the whole canvas.</summary>
    /// <param name="canvas">The canvas.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="freshAfter">Tokens committed after this step are fresh.</param>
    /// <param name="width">Columns of a row, at least 2.</param>
    public static IReadOnlyList<PictureRow> Draw(Canvas canvas, Tokenizer tokenizer, int freshAfter, int width)
    {
        List<PictureRow> rows = [new PictureRow()];
        foreach (Stretch stretch in Stretches(canvas, tokenizer, freshAfter))
        {
            foreach (Rune rune in stretch.Text.EnumerateRunes())
            {
                if (rune.Value == '\n')
                {
                    rows.Add(new PictureRow());
                    continue;
                }

                int columns = TerminalText.Columns(rune);
                if (rows[^1].Columns + columns > width)
                {
                    rows.Add(new PictureRow());
                }

                rows[^1].Append(rune, stretch.Look, columns);
            }
        }

        return rows;
    }

    /// <summary>
    /// The rows to show where only <paramref name="height"/> fit: around the first row that still has a mask or something fresh.
    /// </summary>
    public static IReadOnlyList<PictureRow> Around(IReadOnlyList<PictureRow> rows, int height)
    {
        if (rows.Count <= height)
        {
            return rows;
        }

        int centre = Array.FindIndex([.. rows], row => row.Has(Look.Mask));
        centre = centre >= 0 ? centre : Math.Max(0, Array.FindIndex([.. rows], row => row.InHole));
        int top = Math.Clamp(centre - (height / 2), 0, rows.Count - height);
        return [.. rows.Skip(top).Take(height)];
    }

    private static IEnumerable<Stretch> Stretches(Canvas canvas, Tokenizer tokenizer, int freshAfter)
    {
        List<int> run = [];
        Look runLook = Look.Known;
        bool begins = true; // no text stands before the run
        bool ended = false;
        for (int i = 0; i < canvas.Length; i++)
        {
            Look look = LookOf(canvas, i, freshAfter);
            int hole = canvas.HoleOf(i);
            ended = hole >= 0 && i > 0 && canvas.HoleOf(i - 1) == hole && ended;
            ended |= look is Look.Fresh or Look.Settled && canvas.Tokens.Ends(canvas.Holes[hole].Kind, canvas.Ids[i]);
            if (run.Count > 0 && (look != runLook || look == Look.Mask))
            {
                yield return TextOf(run, runLook, begins, tokenizer);
                begins &= runLook != Look.Mask && run.TrueForAll(tokenizer.IsSpecial);
                run.Clear();
            }

            if (look == Look.Mask || !ended)
            {
                run.Add(canvas.Ids[i]);
                runLook = look;
            }
        }

        if (run.Count > 0)
        {
            yield return TextOf(run, runLook, begins, tokenizer);
        }
    }

    private static Look LookOf(Canvas canvas, int position, int freshAfter) => canvas.StateOf(position) switch
    {
        PositionState.Frozen => Look.Known,
        PositionState.Noisy => Look.Mask,
        _ => canvas.CommittedAt(position) > freshAfter ? Look.Fresh : Look.Settled,
    };

    private static Stretch TextOf(List<int> ids, Look look, bool begins, Tokenizer tokenizer) => look == Look.Mask
        ? new(Mask, look)
        : new(TerminalText.Safe(tokenizer.Decode(ids.ToArray(), first: begins)).Replace("\t", Tab, StringComparison.Ordinal), look);
}
