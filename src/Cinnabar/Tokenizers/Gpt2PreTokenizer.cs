// GPT-2's pre-tokenisation: a piece is the first match of
//
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// In words: an English contraction; a run of letters, of numbers or of other symbols, each with one optional space before it; a run
// of white space, which leaves its last character to the piece after it.
// Source: openai/gpt-2 src/encoder.py; the "ByteLevel" pre-tokenizer of Hugging Face tokenizers with use_regex.
// \s is the Unicode property White_Space.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>The pre-tokenizer of GPT-2, which "ByteLevel" in tokenizer.json stands for.</summary>
internal sealed class Gpt2PreTokenizer : PreTokenizer
{
    private enum Class : byte
    {
        Letter,
        Number,
        Symbol,
        Space,
    }

    /// <inheritdoc/>
    public override int PieceEnd(ReadOnlySpan<byte> text, int start)
    {
        int contraction = ContractionLength(text[start..]);
        if (contraction > 0)
        {
            return start + contraction;
        }

        int body = start;
        Class first = ClassAt(text, body, out int length);
        if (first == Class.Space)
        {
            if (text[start] != (byte)' ' || start + 1 == text.Length || ClassAt(text, start + 1, out _) == Class.Space)
            {
                return SpacesEnd(text, start);
            }

            body++;
            first = ClassAt(text, body, out length);
        }

        int end = body + length;
        while (end < text.Length && ClassAt(text, end, out length) == first)
        {
            end += length;
        }

        return end;
    }

    // \s+(?!\S) gives its last character back when something follows the run; \s+ keeps a run of one.
    private static int SpacesEnd(ReadOnlySpan<byte> text, int start)
    {
        int end = start;
        int last = start;
        while (end < text.Length && ClassAt(text, end, out int length) == Class.Space)
        {
            last = end;
            end += length;
        }

        return end == text.Length || last == start ? end : last;
    }

    private static int ContractionLength(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2 || text[0] != (byte)'\'')
        {
            return 0;
        }

        return (char)text[1] switch
        {
            's' or 't' or 'm' or 'd' => 2,
            'r' or 'v' when text.Length > 2 && text[2] == (byte)'e' => 3,
            'l' when text.Length > 2 && text[2] == (byte)'l' => 3,
            _ => 0,
        };
    }

    private static Class ClassAt(ReadOnlySpan<byte> text, int index, out int length)
    {
        UnicodeCategory category = CategoryAt(text, index, out Rune rune, out length);
        return IsLetter(category) ? Class.Letter
            : IsNumber(category) ? Class.Number
            : Rune.IsWhiteSpace(rune) ? Class.Space
            : Class.Symbol;
    }
}
