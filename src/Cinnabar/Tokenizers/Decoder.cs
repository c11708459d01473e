// How a token becomes bytes of text. What a token stands for may depend on whether it is the first, never on its neighbours:
//
//   ByteLevel   the bytes of its spelling in the byte-level alphabet; an added token is plain text
//   Sequence    Replace (▁ becomes a space), ByteFallback (<0xE3> becomes that byte), Fuse, Strip (one space off the whole text's begin)
//   WordPiece   "##" goes; a token without it gets a space in front unless it is the first; cleanup takes the space before . , ! ? and
//               English contractions out again
//   Metaspace   ▁ becomes a space; in the first token it goes, where encoding put one in front
//
// Source: Hugging Face tokenizers, decoders/. Deviations: bytes of <0xXX> tokens that are not UTF-8 stay bytes here (there each becomes
// U+FFFD); an added token is never read in the byte-level alphabet.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Turns the spelling of a token into bytes of text.</summary>
internal abstract class Decoder
{
    /// <summary>The bytes of a token.</summary>
    /// <param name="token">Its spelling in the vocabulary.</param>
    /// <param name="first">Whether the text begins with it.</param>
    public abstract byte[] Decode(string token, bool first);

    /// <summary>The bytes of an added token.</summary>
    public virtual byte[] DecodeAdded(string content, bool first) => Decode(content, first);
}

/// <summary>Byte-level vocabularies.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override byte[] Decode(string token, bool first) => ByteLevel.Parse(token) ?? Encoding.UTF8.GetBytes(token);

    public override byte[] DecodeAdded(string content, bool first) => Encoding.UTF8.GetBytes(content);
}

/// <summary>SentencePiece-like vocabularies.</summary>
internal sealed class DecoderSequence : Decoder
{
    /// <summary>Texts to replace, in order.</summary>
    public IReadOnlyList<(string Find, string Replacement)> Replacements { get; init; } = [];

    /// <summary>Whether &lt;0xXX&gt; is a byte.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>What goes from the begin of the whole text, once; null for nothing.</summary>
    public string? StripStart { get; init; }

    /// <summary>The byte of a token like &lt;0x0A&gt;; null for any other.</summary>
    public static byte? ByteOf(string token)
    {
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b)
            ? b
            : null;
    }

    public override byte[] Decode(string token, bool first)
    {
        foreach ((string find, string replacement) in Replacements)
        {
            token = token.Replace(find, replacement, StringComparison.Ordinal);
        }

        byte[] bytes = ByteFallback && ByteOf(token) is byte b ? [b] : Encoding.UTF8.GetBytes(token);
        byte[] strip = first && StripStart is not null ? Encoding.UTF8.GetBytes(StripStart) : [];
        return strip.Length > 0 && bytes.AsSpan().StartsWith(strip) ? bytes[strip.Length..] : bytes;
    }
}

/// <summary>BERT's vocabularies.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : Decoder
{
    private static readonly (string Find, string Replacement)[] s_cleanup =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public override byte[] Decode(string token, bool first)
    {
        string text = first ? token : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        foreach ((string find, string replacement) in cleanup ? s_cleanup : [])
        {
            text = text.Replace(find, replacement, StringComparison.Ordinal);
        }

        return Encoding.UTF8.GetBytes(text);
    }
}

/// <summary>Vocabularies of the Metaspace pre-tokenizer.</summary>
internal sealed class MetaspaceDecoder(string replacement, bool prepended) : Decoder
{
    public override byte[] Decode(string token, bool first) =>
        Encoding.UTF8.GetBytes(token.Replace(replacement, first && prepended ? "" : " ", StringComparison.Ordinal));
}
