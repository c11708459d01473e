using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>Which tokens of a vocabulary end a line, and which are blank.</summary>
public sealed class LineTokens
{
    private readonly bool[] _breaks;
    private readonly bool[] _blank;

    /// <summary>Looks at the bytes of every token.</summary>
    public LineTokens(Tokenizer tokenizer)
    {
        _breaks = new bool[tokenizer.VocabularySize];
        _blank = new bool[tokenizer.VocabularySize];
        for (int id = 0; id < _breaks.Length; id++)
        {
            byte[] bytes = tokenizer.DecodeBytes([id]);
            _breaks[id] = bytes.AsSpan().IndexOfAny((byte)'\n', (byte)'\r') >= 0;
            _blank[id] = bytes.Length > 0 && !bytes.AsSpan().ContainsAnyExcept((byte)' ', (byte)'\t');
        }
    }

    /// <summary>Whether a token holds a line break.</summary>
    public bool Breaks(int id) => _breaks[id];

    /// <summary>Whether a token holds spaces and tabs only.</summary>
    public bool IsBlank(int id) => _blank[id];

    /// <summary>What stands before the first line break.</summary>
    public int[] FirstLine(ReadOnlySpan<int> ids)
    {
        int length = 0;
        while (length < ids.Length && !_breaks[ids[length]])
        {
            length++;
        }

        return ids[..length].ToArray();
    }
}
