// BERT's pre-tokenisation: words are separated by white space, which is left out; every punctuation character is a word by itself.
// Punctuation is ASCII 33–47, 58–64, 91–96, 123–126 and the Unicode categories P*.
// Source: google-research/bert tokenization.py, BasicTokenizer; "BertPreTokenizer" of Hugging Face tokenizers.
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>The pre-tokenizer of BERT.</summary>
internal sealed class BertPreTokenizer : PreTokenizer
{
    /// <inheritdoc/>
    public override int PieceEnd(ReadOnlySpan<byte> text, int start, out bool kept)
    {
        Rune first = RuneAt(text, start, out int length);
        bool space = Rune.IsWhiteSpace(first);
        kept = !space;
        int end = start + length;
        if (!space && IsPunctuation(first))
        {
            return end;
        }

        while (end < text.Length)
        {
            Rune rune = RuneAt(text, end, out length);
            if (Rune.IsWhiteSpace(rune) != space || (!space && IsPunctuation(rune)))
            {
                break;
            }

            end += length;
        }

        return end;
    }

    private static bool IsPunctuation(Rune rune) =>
        rune.IsAscii ? char.IsAsciiLetterOrDigit((char)rune.Value) is false && rune.Value is > 32 and < 127 : Rune.IsPunctuation(rune);
}
