// A text as the network is shown it, and where each of its tokens stands in the caller's string.
//
//   caller's string   [byte order mark] text with its line ends        what is counted in, and what edits are applied to
//   shown text        the same without the mark; CR LF is LF if the text has no other line ends
//   tokens            of the shown text; their bytes, one after the other, are its UTF-8
//
// Tokens may end inside a character; such a boundary counts as the beginning of the character and is not whole. The mark has an index but
// no column, as in editors.
using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Proofreading;

/// <summary>A text, its tokens, and the way back.</summary>
internal sealed class ShownText
{
    private readonly string _original;
    private readonly int _mark; // characters of the byte order mark: 0 or 1
    private readonly bool _usesCrLf;
    private readonly int[] _breaks; // where the shown text has LF for CR LF
    private readonly int[] _lineStarts; // in the caller's string
    private readonly int[] _starts; // [n + 1]: first character of each token, in the shown text
    private readonly bool[] _whole; // [n + 1]: whether a token begins where a character does

    private readonly Dictionary<int, int> _counts = [];

    /// <summary>Prepares a text.</summary>
    /// <exception cref="CinnabarException">The tokenizer changes it.</exception>
    public ShownText(string text, Tokenizer tokenizer)
    {
        _original = text;
        _mark = text.StartsWith('\uFEFF') ? 1 : 0;
        int pairs = text.AsSpan().Count("\r\n");
        _usesCrLf = pairs > 0 && pairs == text.AsSpan().Count('\n') && pairs == text.AsSpan().Count('\r');
        string body = text[_mark..];
        Text = _usesCrLf ? body.Replace("\r\n", "\n", StringComparison.Ordinal) : body;
        _breaks = _usesCrLf ? [.. Enumerable.Range(0, Text.Length).Where(i => Text[i] == '\n')] : [];
        _lineStarts = [.. LineStarts(text, _mark)];
        Ids = tokenizer.Encode(Text);
        _starts = new int[Ids.Length + 1];
        _whole = new bool[Ids.Length + 1];
        Place(tokenizer);
        foreach (int id in Ids)
        {
            _counts[id] = _counts.GetValueOrDefault(id) + 1;
        }
    }

    /// <summary>The shown text.</summary>
    public string Text { get; }

    /// <summary>Its tokens.</summary>
    public int[] Ids { get; }

    /// <summary>How many of the tokens are this one.</summary>
    public int CountOf(int tokenId) => _counts.GetValueOrDefault(tokenId);

    /// <summary>The first character of a token in the shown text; of token n: its length.</summary>
    public int StartOf(int token) => _starts[token];

    /// <summary>Whether a token begins where a character does.</summary>
    public bool IsWhole(int token) => _whole[token];

    /// <summary>The token that holds a character of the caller's string; n at its end.</summary>
    public int TokenAt(int index)
    {
        int shown = Math.Max(0, index - _mark);
        if (_usesCrLf)
        {
            // Break number k stands at _breaks[k] + k in the caller's text.
            int low = 0;
            for (int high = _breaks.Length; low < high;)
            {
                int middle = (low + high) / 2;
                (low, high) = _breaks[middle] + middle < shown ? (middle + 1, high) : (low, middle);
            }

            shown -= low;
        }

        int found = Array.BinarySearch(_starts, Math.Clamp(shown, 0, Text.Length));
        return found >= 0 ? found : Math.Max(0, ~found - 1);
    }

    /// <summary>The index in the caller's string of a character of the shown text.</summary>
    public int Original(int shown)
    {
        if (!_usesCrLf)
        {
            return shown + _mark;
        }

        int before = Array.BinarySearch(_breaks, shown);
        return shown + _mark + (before >= 0 ? before : ~before);
    }

    /// <summary>Line and column of a character of the caller's string, both from 1; columns in UTF-16 units.</summary>
    public (int Line, int Column) Position(int index)
    {
        int line = Array.BinarySearch(_lineStarts, index);
        line = line >= 0 ? line : Math.Max(0, ~line - 1);
        return (line + 1, index - _lineStarts[line] + 1);
    }

    /// <summary>A part of the caller's string.</summary>
    public string Slice(int start, int end) => _original[start..end];

    /// <summary>New text with the line ends of the caller's.</summary>
    public string WithLineEnds(string text) => _usesCrLf ? TextCanvas.ToCrLf(text) : text;

    private static IEnumerable<int> LineStarts(string text, int first)
    {
        yield return first;
        for (int i = first; i < text.Length; i++)
        {
            bool ends = text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n'));
            if (ends)
            {
                yield return i + 1;
            }
        }
    }

    // Walks the characters along the bytes of the tokens.
    private void Place(Tokenizer tokenizer)
    {
        byte[] expected = Encoding.UTF8.GetBytes(Text);
        StringRuneEnumerator runes = Text.EnumerateRunes();
        (int character, int characterBytes, int bytes) = (0, 0, 0);
        (int nextCharacter, int nextBytes) = Next(ref runes, 0, 0);
        bool first = true;
        for (int i = 0; i <= Ids.Length; i++)
        {
            while (nextBytes <= bytes && nextCharacter > character)
            {
                (character, characterBytes) = (nextCharacter, nextBytes);
                (nextCharacter, nextBytes) = Next(ref runes, character, characterBytes);
            }

            (_starts[i], _whole[i]) = (character, characterBytes == bytes);
            if (i < Ids.Length)
            {
                ReadOnlySpan<byte> piece = tokenizer.BytesOf(Ids[i], skipSpecialTokens: false, ref first);
                if (!expected.AsSpan(bytes).StartsWith(piece))
                {
                    throw Changed(i);
                }

                bytes += piece.Length;
            }
        }

        if (bytes != expected.Length)
        {
            throw Changed(Ids.Length);
        }
    }

    private static (int Character, int Bytes) Next(ref StringRuneEnumerator runes, int character, int bytes)
    {
        if (!runes.MoveNext())
        {
            return (character, bytes);
        }

        // An unpaired surrogate is shown as U+FFFD: one character as well.
        Rune rune = runes.Current;
        return (character + rune.Utf16SequenceLength, bytes + rune.Utf8SequenceLength);
    }

    private static CinnabarException Changed(int token) => new(
        $"Expected for proofreading a tokenizer that gives a text back byte for byte, found other bytes from token {token} on.",
        "Use a model whose tokenizer does not normalise text.");
}
