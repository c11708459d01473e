using System.Buffers;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>
/// Decodes ids as they come, from left to right. A character whose bytes are not all there yet is held back, so what was given out never
/// changes; all texts together are <see cref="Tokenizer.Decode"/> of all ids. Not thread-safe.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly bool _beginsText;
    private readonly System.Text.Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private bool _first;

    /// <summary>Begins a text.</summary>
    /// <param name="tokenizer">What the ids mean.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing (the default) or their names.</param>
    /// <param name="first">Whether a text begins with the ids (the default), as for <see cref="Tokenizer.Decode"/>.</param>
    public StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = true, bool first = true)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        (_beginsText, _first) = (first, first);
    }

    /// <summary>The text that these ids complete; it may be empty.</summary>
    /// <param name="ids">The next ids, each from 0 to V − 1.</param>
    public string Append(ReadOnlySpan<int> ids)
    {
        _bytes.ResetWrittenCount();
        foreach (int id in ids)
        {
            _bytes.Write(_tokenizer.BytesOf(id, _skipSpecialTokens, ref _first));
        }

        return Text(_bytes.WrittenSpan, flush: false);
    }

    /// <summary>
    /// Ends the text: U+FFFD if a character was left incomplete, else nothing. Another one may follow, whose ids are read as the first ones
    /// were.
    /// </summary>
    public string Finish()
    {
        _first = _beginsText;
        return Text([], flush: true);
    }

    private string Text(ReadOnlySpan<byte> bytes, bool flush)
    {
        char[] characters = new char[_utf8.GetCharCount(bytes, flush)];
        return new string(characters, 0, _utf8.GetChars(bytes, characters, flush));
    }
}
