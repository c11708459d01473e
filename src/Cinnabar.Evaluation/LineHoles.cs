// Single-line holes: a line of 3 … 20 tokens with a letter in it, taken out of a document.
//
//   … token │ break + indentation │ reference … │ break │ token …
//   └──────── Before ─────────────┘             └──── After ────┘
//
// A line lies between two tokens that hold line breaks, so the first line of a document is never taken. Blank tokens after the break
// are indentation and stay in the context. Documents are visited in a random order, round after round, each giving one random line a
// round, so that long files do not rule. The context is a window of the network's length less the canvas: two thirds of it before
// the hole and one third after, and what one side cannot use goes to the other. Everything follows from the seed.
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>Which holes to take.</summary>
public sealed record LineHoleOptions
{
    /// <summary>Number of holes. Default 500.</summary>
    public int Count { get; init; } = 500;

    /// <summary>Start of the random choices. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Fewest tokens of a line. Default 3.</summary>
    public int MinTokens { get; init; } = 3;

    /// <summary>Most tokens of a line. Default 20.</summary>
    public int MaxTokens { get; init; } = 20;

    /// <summary>Canvas of a predictor that is not told the length, in tokens. Default 24.</summary>
    public int CanvasLength { get; init; } = 24;

    /// <summary>Context and canvas together, in tokens: the length of the network's input. Default 512.</summary>
    public int WindowLength { get; init; } = 512;
}

/// <summary>Takes holes from documents.</summary>
public static class LineHoles
{
    /// <summary>The holes, in the order they were drawn; fewer than asked for if the documents have no more.</summary>
    /// <param name="documents">Clean token ids of each document.</param>
    /// <param name="tokenizer">What the ids mean.</param>
    /// <param name="options">Which holes.</param>
    /// <exception cref="CinnabarException">The options contradict each other, or no document has a fitting line.</exception>
    public static IReadOnlyList<LineHole> Sample(IReadOnlyList<int[]> documents, Tokenizer tokenizer, LineHoleOptions options)
    {
        Check(options);
        LineTokens lines = new(tokenizer);
        DeterministicRandom random = new(options.Seed);
        int[] order = [.. Enumerable.Range(0, documents.Count)];
        random.Shuffle(order.AsSpan());
        List<(int Start, int Length)>[] left = [.. order.Select(document => FindLines(documents[document], lines, tokenizer, options))];
        List<LineHole> holes = [];
        for (bool more = true; more;)
        {
            more = false;
            for (int i = 0; i < order.Length && holes.Count < options.Count; i++)
            {
                if (left[i].Count == 0)
                {
                    continue;
                }

                int chosen = random.NextInt(left[i].Count);
                holes.Add(Cut(order[i], documents[order[i]], left[i][chosen], tokenizer, options));
                left[i].RemoveAt(chosen);
                more = true;
            }
        }

        return holes.Count > 0 ? holes : throw new CinnabarException(
            $"Expected lines of {options.MinTokens} to {options.MaxTokens} tokens with letters, found none in {documents.Count} documents.",
            "Use a corpus whose test split holds text with line breaks.");
    }

    private static List<(int Start, int Length)> FindLines(
        int[] ids, LineTokens lines, Tokenizer tokenizer, LineHoleOptions options)
    {
        List<(int Start, int Length)> found = [];
        int start = -1; // Where the current line's content begins; −1 before the first line break.
        for (int i = 0; i < ids.Length; i++)
        {
            if (!lines.Breaks(ids[i]))
            {
                continue;
            }

            int length = i - start;
            if (start >= 0 && length >= options.MinTokens && length <= options.MaxTokens && HasLetter(ids.AsSpan(start, length), tokenizer))
            {
                found.Add((start, length));
            }

            start = i + 1;
            while (start < ids.Length && lines.IsBlank(ids[start]))
            {
                start++;
            }
        }

        return found;
    }

    private static bool HasLetter(ReadOnlySpan<int> line, Tokenizer tokenizer)
    {
        foreach (int id in line)
        {
            if (tokenizer.IsSpecial(id))
            {
                return false;
            }
        }

        return tokenizer.Decode(line).Any(char.IsLetter);
    }

    private static LineHole Cut(int document, int[] ids, (int Start, int Length) line, Tokenizer tokenizer, LineHoleOptions options)
    {
        (int start, int end) = (line.Start, line.Start + line.Length);
        int budget = options.WindowLength - Math.Max(options.CanvasLength, options.MaxTokens);
        int before = Math.Min(start, budget * 2 / 3);
        int after = Math.Min(ids.Length - end, budget - before);
        before = Math.Min(start, budget - after);
        int[] contextBefore = ids[(start - before)..start];
        int[] reference = ids[start..end];
        int[] contextAfter = ids[end..(end + after)];
        return new LineHole(
            document,
            contextBefore,
            reference,
            contextAfter,
            tokenizer.Decode(contextBefore),
            tokenizer.Decode(reference),
            tokenizer.Decode(contextAfter));
    }

    private static void Check(LineHoleOptions options)
    {
        Check(options.Count >= 1, "number of holes", "1 or more", options.Count);
        Check(options.MinTokens >= 1, "fewest tokens of a line", "1 or more", options.MinTokens);
        Check(options.MaxTokens >= options.MinTokens, "most tokens of a line", $"{options.MinTokens} or more", options.MaxTokens);
        Check(options.CanvasLength >= 1, "canvas of a hole", "1 or more tokens", options.CanvasLength);
        int canvas = Math.Max(options.CanvasLength, options.MaxTokens);
        Check(options.WindowLength >= canvas + 4, "window around a hole", $"{canvas + 4} or more tokens", options.WindowLength);
    }

    private static void Check(bool holds, string what, string expected, int found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the {what} to be {expected}, found {found}.", "Change the option.");
        }
    }
}
