// The "Split" pre-tokenizer with a regular expression: a piece is a match of the pattern; text between two matches is a piece too, or
// is left out. Where several alternatives match, the first in the pattern wins, as in every backtracking engine.
//
// Only patterns of the form that published tokenizers use are read (SplitPatterns, SplitAlternative). Another pattern is refused:
// a general engine would be exponential on some patterns, and the one of .NET does not work on code points.
using System.Numerics;

namespace Cinnabar.Tokenizers;

/// <summary>Cuts at the matches of a pattern.</summary>
internal sealed class RegexSplit : PreTokenizer
{
    private const int MaxAlternatives = 32;
    private const int MaxPatternLength = 2048;
    private readonly SplitAlternative[] _alternatives;
    private readonly uint[] _candidates = new uint[128]; // by ASCII character: a bit for each alternative that may begin with it
    private readonly bool _keepsGaps;
    private readonly bool _addsPrefixSpace;

    private RegexSplit(string pattern, SplitAlternative[] alternatives, bool keepsGaps, bool addsPrefixSpace)
    {
        Pattern = pattern;
        _alternatives = alternatives;
        _keepsGaps = keepsGaps;
        _addsPrefixSpace = addsPrefixSpace;
        for (int c = 0; c < _candidates.Length; c++)
        {
            for (int i = 0; i < alternatives.Length; i++)
            {
                _candidates[c] |= alternatives[i].CanBeginWith(c) ? 1u << i : 0;
            }
        }
    }

    /// <summary>The pattern, as tokenizer.json writes it.</summary>
    public string Pattern { get; }

    /// <summary>Reads a pattern; null where it is not of the supported form.</summary>
    /// <param name="pattern">The regular expression.</param>
    /// <param name="keepsGaps">Whether text that does not match is a piece (behaviour Isolated) or is left out (Removed, inverted).</param>
    /// <param name="addsPrefixSpace">Whether a space is put before text that does not begin with one.</param>
    public static RegexSplit? Parse(string pattern, bool keepsGaps = true, bool addsPrefixSpace = false)
    {
        if (pattern.Length is 0 or > MaxPatternLength)
        {
            return null;
        }

        List<SplitAlternative?> alternatives = [];
        string rest = WithoutEnd(pattern, out SplitWhiteSpace? end);
        foreach (string part in Alternatives(rest))
        {
            alternatives.Add(part.Length == 0 ? null : SplitContraction.Parse(part) ?? (SplitAlternative?)SplitItems.Parse(part));
        }

        if (end is not null)
        {
            alternatives.Add(end);
        }

        return alternatives.Contains(null) || alternatives.Count > MaxAlternatives
            ? null
            : new RegexSplit(pattern, [.. alternatives.Select(alternative => alternative!)], keepsGaps, addsPrefixSpace);
    }

    /// <summary>Reads a pattern that is known to be supported.</summary>
    public static RegexSplit Of(string pattern) => Parse(pattern) ?? throw new ArgumentException(pattern, nameof(pattern));

    /// <inheritdoc/>
    public override string Prepare(string text, bool first, bool isBehind = false) =>
        _addsPrefixSpace && !isBehind && text[0] != ' ' ? " " + text : text;

    /// <inheritdoc/>
    public override int PieceEnd(ReadOnlySpan<byte> text, int start, out bool kept)
    {
        int end = Match(text, start);
        kept = true;
        if (end >= 0)
        {
            return end;
        }

        kept = _keepsGaps;
        end = start;
        do
        {
            RuneAt(text, end, out int length);
            end += length;
        }
        while (end < text.Length && Match(text, end) < 0);
        return end;
    }

    private int Match(ReadOnlySpan<byte> text, int start)
    {
        byte first = text[start];
        uint candidates = first < _candidates.Length ? _candidates[first] : (uint)((1L << _alternatives.Length) - 1);
        for (; candidates != 0; candidates &= candidates - 1)
        {
            int end = _alternatives[BitOperations.TrailingZeroCount(candidates)].Match(text, start);
            if (end >= 0)
            {
                return end;
            }
        }

        return -1;
    }

    private static string WithoutEnd(string pattern, out SplitWhiteSpace? end)
    {
        foreach (string lines in (ReadOnlySpan<string>)[@"|\s*[\r\n]+|\s+(?!\S)|\s+", @"|\s*[\r\n]|\s+(?!\S)|\s+", @"|\s+(?!\S)|\s+"])
        {
            if (pattern.EndsWith(lines, StringComparison.Ordinal))
            {
                end = new SplitWhiteSpace(lineBreaks: lines.Contains('r'));
                return pattern[..^lines.Length];
            }
        }

        end = null;
        return pattern;
    }

    // Cuts at every | outside of groups and brackets.
    private static IEnumerable<string> Alternatives(string pattern)
    {
        int start = 0;
        int depth = 0;
        for (int i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    i++;
                    break;
                case '(' or '[':
                    depth++;
                    break;
                case ')' or ']':
                    depth--;
                    break;
                case '|' when depth == 0:
                    yield return pattern[start..i];
                    start = i + 1;
                    break;
            }
        }

        yield return pattern[start..];
    }
}
