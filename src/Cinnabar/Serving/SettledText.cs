// The text of one hole as it settles, for streams that can only append: what was given out never changes, and all pieces together are the
// text of the result, cut at the stop text that is complete first, so that it does not matter in which pieces the text came.
//
//   settled tokens (Canvas.SettledTextOf) ─▶ whole characters (StreamingDecoder) ─▶ the caller's line ends, no repetition (TextCanvas)
//   ─▶ all but what might be the beginning of a stop text
using System.Text;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Serving;

/// <summary>Gives out the text of one hole piece by piece; not thread-safe.</summary>
public sealed class SettledText
{
    private readonly TextCanvas _text;
    private readonly int _hole;
    private readonly string[] _stops;
    private readonly string? _behind; // the last of these
    private readonly StreamingDecoder _decoder;
    private readonly StringBuilder _decoded = new();
    private int _tokens;
    private int _given;

    /// <summary>Begins a text.</summary>
    /// <param name="text">What is denoised.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="hole">Index of the hole.</param>
    /// <param name="stops">Texts that end it and are not given out; a line feed means the line end of the caller's text.</param>
    /// <param name="mayRepeat">
    /// Whether it goes on where it repeats what stands behind the hole, as in a stream that shows all tokens. Default: it ends there, too.
    /// </param>
    /// <exception cref="CinnabarException">A stop text is empty.</exception>
    public SettledText(TextCanvas text, Tokenizer tokenizer, int hole, IReadOnlyList<string> stops, bool mayRepeat = false)
    {
        if (stops.Contains(""))
        {
            throw new CinnabarException("Expected stop texts of at least one character, found an empty one.", "Leave it out.");
        }

        (_text, _hole, _behind) = (text, hole, mayRepeat ? null : text.RepetitionOf(hole));
        _stops = [.. stops.Select(text.WithLineEnds), .. _behind is null ? (string[])[] : [_behind]];
        _decoder = new StreamingDecoder(tokenizer, first: text.BeginsText(hole));
    }

    /// <summary>
    /// The stop texts, in the order they were given, with the line ends of the caller's text; then what stands behind the hole, if it ends
    /// before that.
    /// </summary>
    public IReadOnlyList<string> Stops => _stops;

    /// <summary>Whether a stop text was found: nothing comes after it.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Whether the text ends before it repeats what stands behind the hole.</summary>
    public bool IsCut { get; private set; }

    /// <summary>What has settled since the last call; it may be empty.</summary>
    public string Append(DenoisingStep step)
    {
        ReadOnlySpan<int> settled = step.Canvas.SettledTextOf(_hole, step.FinalBefore);
        if (settled.Length <= _tokens)
        {
            return "";
        }

        _decoded.Append(_decoder.Append(settled[_tokens..]));
        _tokens = settled.Length;

        // The line feed that belongs to a carriage return may be yet to come.
        string decoded = _decoded.ToString();
        return Give(_text.TextOfHole(_hole, decoded.EndsWith('\r') ? decoded[..^1] : decoded), isAll: false);
    }

    /// <summary>The rest, once the text is finished.</summary>
    public string Finish(GenerationResult result)
    {
        string whole = _text.TextOfHole(_hole, _text.Canvas.TextOf(_hole));
        string kept = _behind is null ? whole : result.Holes[_hole].Text;
        string rest = Give(kept, isAll: true);
        IsCut |= !IsStopped && kept.Length < whole.Length;
        return rest;
    }

    /// <summary>
    /// The number of tokens that the text needs: where it was cut, the fewest that hold it; where it stopped, the fewest that hold a stop
    /// text; else all.
    /// </summary>
    /// <param name="ids">Tokens of the hole, from its first one on.</param>
    public int TokensOf(ReadOnlySpan<int> ids) => IsCut
        ? _text.FewestTokens(_hole, ids, _text.TextOfHole(_hole, ids)[.._given])
        : IsStopped ? TokensToStop(ids) : ids.Length;

    /// <summary>The fewest tokens that hold a stop text; without one, all.</summary>
    /// <param name="ids">Tokens of the hole, from its first one on.</param>
    public int TokensToStop(ReadOnlySpan<int> ids)
    {
        // More tokens only add text, so halving finds them.
        (int without, int with) = (0, ids.Length);
        while (with - without > 1)
        {
            int middle = (without + with) / 2;
            string text = _text.TextOfHole(_hole, ids[..middle]);
            bool holdsOne = Array.Exists(_stops, stop => text.Contains(stop, StringComparison.Ordinal));
            (without, with) = holdsOne ? (without, middle) : (middle, with);
        }

        return with;
    }

    private string Give(string text, bool isAll)
    {
        if (IsStopped)
        {
            return "";
        }

        (int end, int complete) = (text.Length, int.MaxValue);
        foreach (string stop in _stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            int after = at + stop.Length;
            if (at >= 0 && (after < complete || (after == complete && at < end)))
            {
                (end, complete, IsStopped, IsCut) = (at, after, true, ReferenceEquals(stop, _behind));
            }
        }

        // A stop text in the beginning of what stands behind the hole: that was not given out yet, and is not.
        for (int begin = Math.Max(_given, complete == int.MaxValue ? end : complete - (_behind?.Length ?? 0)); begin < end; begin++)
        {
            if (_behind!.StartsWith(text[begin..complete], StringComparison.Ordinal))
            {
                (end, IsCut) = (begin, true);
            }
        }

        if (!IsStopped && !isAll)
        {
            end -= _stops.Select(stop => BeginningAtEnd(text, stop)).DefaultIfEmpty(0).Max();
        }

        string piece = end > _given ? text[_given..end] : "";
        _given = Math.Max(_given, end);
        return piece;
    }

    // The length of the longest proper beginning of the stop text that the text ends with.
    private static int BeginningAtEnd(string text, string stop)
    {
        for (int length = Math.Min(stop.Length - 1, text.Length); length > 0; length--)
        {
            if (text.AsSpan().EndsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
            {
                return length;
            }
        }

        return 0;
    }
}
