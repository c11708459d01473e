// The byte-level alphabet: every byte has a printable character that stands for it in vocabularies and merges.
//
// Bytes 33…126, 161…172 and 174…255 stand for themselves (Latin-1); the other 68, in ascending order, become U+0100 + n.
// So a space is written Ġ (U+0120) and a line feed Ċ (U+010A). No text needs an unknown token.
// Source: GPT-2 (Radford et al. 2019), bytes_to_unicode in openai/gpt-2 src/encoder.py; "ByteLevel" in Hugging Face tokenizers.
namespace Cinnabar.Tokenizers;

/// <summary>Converts between bytes and the characters that stand for them in tokenizer.json.</summary>
internal static class ByteLevel
{
    private const int CharacterLimit = 0x100 + 68;
    private static readonly char[] s_characterOfByte = BuildCharacters();
    private static readonly short[] s_byteOfCharacter = BuildBytes();

    /// <summary>The 256 bytes in the order of their characters: the order of their ids in a trained vocabulary, as in GPT-2.</summary>
    public static byte[] AlphabetOrder { get; } = [.. Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(b => s_characterOfByte[b])];

    /// <summary>Spells bytes in the alphabet.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes)
    {
        return string.Create(bytes.Length, bytes, static (characters, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                characters[i] = s_characterOfByte[source[i]];
            }
        });
    }

    /// <summary>Reads a spelling back; null where a character is not of the alphabet.</summary>
    public static byte[]? Parse(string spelling)
    {
        byte[] bytes = new byte[spelling.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            char character = spelling[i];
            if (character >= CharacterLimit || s_byteOfCharacter[character] < 0)
            {
                return null;
            }

            bytes[i] = (byte)s_byteOfCharacter[character];
        }

        return bytes;
    }

    private static char[] BuildCharacters()
    {
        char[] characters = new char[256];
        int next = 0x100;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255);
            characters[b] = (char)(printable ? b : next++);
        }

        return characters;
    }

    private static short[] BuildBytes()
    {
        short[] bytes = new short[CharacterLimit];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
        {
            bytes[s_characterOfByte[b]] = (short)b;
        }

        return bytes;
    }
}
