using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Cuts text into pieces; the model never joins what a cut separates. Works on UTF-8, in linear time.</summary>
internal abstract class PreTokenizer
{
    /// <summary>The text as this pre-tokenizer wants it before it cuts, for those that add or replace spaces.</summary>
    /// <param name="text">Text between two added tokens, not empty.</param>
    /// <param name="first">Whether the whole text begins here.</param>
    /// <param name="isBehind">Whether other text stands right before it, so that nothing is put in front.</param>
    public virtual string Prepare(string text, bool first, bool isBehind = false) => text;

    /// <summary>The end of the piece that begins at <paramref name="start"/>; always greater than it.</summary>
    /// <param name="text">UTF-8. A byte that is not well formed counts as a symbol.</param>
    /// <param name="start">A cut, less than the length of the text.</param>
    /// <param name="kept">False for a piece that is left out, such as white space between words.</param>
    public abstract int PieceEnd(ReadOnlySpan<byte> text, int start, out bool kept);

    /// <summary>The code point at <paramref name="index"/> and its length in bytes; U+FFFD where the bytes are not well formed.</summary>
    protected static Rune RuneAt(ReadOnlySpan<byte> text, int index, out int length)
    {
        Rune.DecodeFromUtf8(text[index..], out Rune rune, out length);
        return rune;
    }
}
