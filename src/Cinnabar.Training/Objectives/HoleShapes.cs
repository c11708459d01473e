// Where holes lie in an infilling sequence, and how much canvas each gets.
//
// A sequence alternates context (4 … 96 tokens) and hole. Half of the holes are the rest of one line, from the token after a line
// break to the next line break. Of the others three in five begin anywhere and end where the first, second or third line after that
// ends, and two in five are 1 … 48 tokens from anywhere: that most holes end where lines end is what makes a line's end a sign of the
// hole's, as it is in use. No hole has more than 48 tokens. Half of the canvases fit exactly (length known); the
// others are longer by 1 … 32 end-of-hole tokens, as many as the default canvas has, which teaches the network to end a hole before
// its canvas ends. The last of them is never masked where the network is told so that a hole may end early (ModelConfig.ClosesHoles).
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Objectives;

/// <summary>Digs holes into clean sequences.</summary>
public sealed class HoleShapes
{
    private const int MaxContext = 96;
    private const int MinContext = 4;
    private const int MaxHole = 48;
    private const int MaxLines = 3;
    private const int MaxPadding = 32;

    private readonly bool[] _breaksLine;
    private readonly int _padTokenId;
    private readonly int _known; // end-of-hole tokens that are never masked

    /// <summary>Learns from a tokenizer which tokens begin with a line break.</summary>
    /// <param name="tokenizer">Of the text.</param>
    /// <param name="closesHoles">Whether the last end-of-hole token is known.</param>
    public HoleShapes(Tokenizer tokenizer, bool closesHoles)
    {
        _known = closesHoles ? 1 : 0;
        _padTokenId = tokenizer.PaddingTokenId;
        _breaksLine = new bool[tokenizer.VocabularySize];
        for (int id = 0; id < _breaksLine.Length; id++)
        {
            byte[] bytes = tokenizer.DecodeBytes([id]);
            _breaksLine[id] = bytes.Length > 0 && bytes[0] == (byte)'\n';
        }
    }

    /// <summary>
    /// Rewrites <paramref name="sequence"/> as text with holes (text at the end that no longer fits falls off) and marks hole positions
    /// in <paramref name="maskable"/>.
    /// </summary>
    public void Dig(Span<int> sequence, Span<bool> maskable, DeterministicRandom random)
    {
        int[] source = sequence.ToArray();
        int read = 0;
        int write = 0;
        while (write < sequence.Length)
        {
            int context = Math.Min(MinContext + random.NextInt(MaxContext - MinContext + 1), sequence.Length - write);
            bool line = random.NextDouble() < 0.5;
            if (line)
            {
                context = UpToLineBreak(source, read, context);
            }

            context = Math.Min(context, sequence.Length - write);
            source.AsSpan(read, context).CopyTo(sequence[write..]);
            read += context;
            write += context;

            int hole = line ? LinesLength(source, read, 1, least: 0) : LengthFrom(source, read, random);
            hole = Math.Min(hole, sequence.Length - write);
            int padding = random.NextDouble() < 0.5 ? 0 : 1 + random.NextInt(MaxPadding);
            padding = Math.Min(padding, sequence.Length - write - hole);
            source.AsSpan(read, hole).CopyTo(sequence[write..]);
            sequence.Slice(write + hole, padding).Fill(_padTokenId);
            maskable.Slice(write, hole + Math.Max(0, padding - _known)).Fill(true);
            read += hole;
            write += hole + padding;
        }
    }

    /// <summary>
    /// Chooses one hole in a window that stays as it is, of the shapes that <see cref="Dig"/> has, behind at least one token of context.
    /// </summary>
    /// <param name="window">Two tokens or more.</param>
    /// <param name="random">Draws two to four numbers.</param>
    /// <returns>First token and number of tokens; 0 for a line without any.</returns>
    public (int Start, int Length) Choose(int[] window, DeterministicRandom random)
    {
        int start = 1 + random.NextInt(window.Length - 1);
        if (random.NextDouble() < 0.5)
        {
            start = UpToLineBreak(window, 0, start);
            return (start, LinesLength(window, start, 1, least: 0));
        }

        return (start, Math.Min(LengthFrom(window, start, random), window.Length - start));
    }

    // Moves the end of the context to just behind the next line break, where a line hole starts.
    private int UpToLineBreak(int[] source, int from, int context)
    {
        for (int i = from + context - 1; i < source.Length; i++)
        {
            if (_breaksLine[source[i]])
            {
                return i + 1 - from;
            }
        }

        return context;
    }

    // Tokens of a hole that begins anywhere; where that is a line's end, the first is the line break.
    private int LengthFrom(int[] source, int from, DeterministicRandom random)
    {
        return random.NextDouble() < 0.6
            ? LinesLength(source, from, 1 + random.NextInt(MaxLines), least: 1)
            : 1 + random.NextInt(MaxHole);
    }

    // Tokens up to the line break that ends the last of some lines, or of as many of them as a hole has room for; a single line that is
    // longer is cut.
    private int LinesLength(int[] source, int from, int lines, int least)
    {
        int end = 0;
        int length = least;
        for (; from + length < source.Length && length < MaxHole; length++)
        {
            if (!_breaksLine[source[from + length]])
            {
                continue;
            }

            end = length;
            if (--lines == 0)
            {
                return end;
            }
        }

        return end > 0 ? end : length;
    }
}
