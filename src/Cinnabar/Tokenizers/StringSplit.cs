// The "Split" pre-tokenizer with a fixed text as its pattern. With "-" on "a-b--c":
//
//   Isolated            a | - | b | - | - | c
//   Removed             a | b | c
//   MergedWithPrevious  a- | b- | - | c
//   MergedWithNext      a | -b | - | -c
//   Contiguous          a | - | b | -- | c
//
// Source: SplitDelimiterBehavior of Hugging Face tokenizers.
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>What becomes of the text that a pre-tokenizer cuts at.</summary>
internal enum SplitBehavior
{
    Isolated,
    Removed,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Cuts at every occurrence of a text.</summary>
internal sealed class StringSplit : PreTokenizer
{
    private readonly byte[] _delimiter;
    private readonly SplitBehavior _behavior;

    /// <summary>Cuts at a text.</summary>
    /// <param name="delimiter">Not empty.</param>
    /// <param name="behavior">What becomes of it.</param>
    public StringSplit(string delimiter, SplitBehavior behavior)
    {
        _delimiter = Encoding.UTF8.GetBytes(delimiter);
        _behavior = behavior;
    }

    /// <inheritdoc/>
    public override int PieceEnd(ReadOnlySpan<byte> text, int start, out bool kept)
    {
        bool atDelimiter = text[start..].StartsWith(_delimiter);
        kept = !atDelimiter || _behavior != SplitBehavior.Removed;
        int afterDelimiter = start + _delimiter.Length;
        if (!atDelimiter)
        {
            int next = Next(text, start);
            return next == text.Length || _behavior != SplitBehavior.MergedWithPrevious ? next : next + _delimiter.Length;
        }

        if (_behavior == SplitBehavior.MergedWithNext)
        {
            return Next(text, afterDelimiter);
        }

        while (_behavior == SplitBehavior.Contiguous && text[afterDelimiter..].StartsWith(_delimiter))
        {
            afterDelimiter += _delimiter.Length;
        }

        return afterDelimiter;
    }

    private int Next(ReadOnlySpan<byte> text, int start)
    {
        int found = text[start..].IndexOf(_delimiter);
        return found < 0 ? text.Length : start + found;
    }
}
