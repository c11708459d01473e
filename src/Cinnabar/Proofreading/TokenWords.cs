// Which tokens form a word: neighbours whose bytes at the boundary are both letters, digits, _ or part of a character beyond ASCII. A token
// that begins with a space or a line break begins a word; a sign such as ( is one by itself.
using System.Text;
using System.Text.Unicode;
using Cinnabar.Tokenizers;

namespace Cinnabar.Proofreading;

/// <summary>Words of tokens, by what the tokens of a vocabulary begin and end with.</summary>
internal sealed class TokenWords
{
    /// <summary>Tokens of a word; longer ones are data, or text without spaces, rather than words.</summary>
    public const int Longest = 12;

    private readonly bool[] _goesOn; // begins with a byte of a word
    private readonly bool[] _isOpen; // ends with one
    private readonly bool[] _isBlank;

    private readonly Tokenizer _tokenizer;

    /// <summary>Looks at the bytes of every token.</summary>
    public TokenWords(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        int count = tokenizer.VocabularySize;
        (_goesOn, _isOpen, _isBlank) = (new bool[count], new bool[count], new bool[count]);
        for (int id = 0; id < count; id++)
        {
            bool first = false;
            ReadOnlySpan<byte> bytes = tokenizer.BytesOf(id, skipSpecialTokens: true, ref first);
            _goesOn[id] = bytes.Length > 0 && IsOfWord(bytes[0]);
            _isOpen[id] = bytes.Length > 0 && IsOfWord(bytes[^1]);
            _isBlank[id] = !bytes.ContainsAnyExcept(" \t\r\n"u8);
        }
    }

    /// <summary>Whether a token is nothing but spaces, tabs and line breaks.</summary>
    public bool IsBlank(int id) => _isBlank[id];

    /// <summary>What a token stands for in a text; null if that is not whole characters.</summary>
    /// <param name="id">The token.</param>
    /// <param name="beginsText">Whether the text begins with it, where some tokenizers leave out a space.</param>
    public string? TextOf(int id, bool beginsText)
    {
        bool first = beginsText;
        ReadOnlySpan<byte> bytes = _tokenizer.BytesOf(id, skipSpecialTokens: true, ref first);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }

    /// <summary>The position behind the word that holds a position.</summary>
    public int EndOf(ReadOnlySpan<int> ids, int position)
    {
        int end = position + 1;
        while (end < ids.Length && _isOpen[ids[end - 1]] && _goesOn[ids[end]])
        {
            end++;
        }

        return end;
    }

    /// <summary>The position where the word begins that holds a position.</summary>
    public int StartOf(ReadOnlySpan<int> ids, int position)
    {
        int start = position;
        while (start > 0 && _isOpen[ids[start - 1]] && _goesOn[ids[start]])
        {
            start--;
        }

        return start;
    }

    private static bool IsOfWord(byte b) => char.IsAsciiLetterOrDigit((char)b) || b is (byte)'_' or >= 0x80;
}
