using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Cuts text into pieces; merges never cross a cut. Works on UTF-8, one code point at a time, in linear time.</summary>
internal abstract class PreTokenizer
{
    /// <summary>The end of the piece that begins at <paramref name="start"/>; always greater than it.</summary>
    /// <param name="text">UTF-8. A byte that is not well formed counts as a symbol.</param>
    /// <param name="start">A cut, less than the length of the text.</param>
    public abstract int PieceEnd(ReadOnlySpan<byte> text, int start);

    /// <summary>The Unicode category of the code point at <paramref name="index"/>, and its length in bytes.</summary>
    protected static UnicodeCategory CategoryAt(ReadOnlySpan<byte> text, int index, out Rune rune, out int length)
    {
        Rune.DecodeFromUtf8(text[index..], out rune, out length);
        return Rune.GetUnicodeCategory(rune);
    }

    /// <summary>\p{L}.</summary>
    protected static bool IsLetter(UnicodeCategory category) => category <= UnicodeCategory.OtherLetter;

    /// <summary>\p{M}.</summary>
    protected static bool IsMark(UnicodeCategory category) =>
        category is >= UnicodeCategory.NonSpacingMark and <= UnicodeCategory.EnclosingMark;

    /// <summary>\p{N}.</summary>
    protected static bool IsNumber(UnicodeCategory category) =>
        category is >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber;
}
