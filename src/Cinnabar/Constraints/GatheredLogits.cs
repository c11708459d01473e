// Sums of e^{s l_v} over the tokens v of a class, whose logits lie scattered in a row: gathered in chunks that stay in the nearest cache,
// a class of few tokens one by one. Exponentials in float32, sums in float64.
using System.Numerics;

namespace Cinnabar.Constraints;

internal static class GatheredLogits
{
    /// <summary>Length of a chunk: whole vectors of any width.</summary>
    public const int Chunk = 512;

    /// <summary>The largest of the logits of tokens, and Σ e^{s (l_v − it)}; the sum is NaN if a logit is NaN, or one of many +∞.</summary>
    public static (float Maximum, double Sum) Sum(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, float scale, Span<float> chunk)
    {
        if (tokens.Length < Vector<float>.Count)
        {
            return SumOfFew(tokens, logits, scale);
        }

        // Chunk after chunk, relative to the largest so far.
        float maximum = float.NegativeInfinity;
        double sum = 0;
        for (int start = 0; start < tokens.Length; start += chunk.Length)
        {
            Span<float> part = Gather(tokens.Slice(start, Math.Min(chunk.Length, tokens.Length - start)), logits, chunk);
            float highest = Maximum(part);
            if (!(highest <= maximum))
            {
                sum = sum == 0 ? 0 : sum * Math.Exp((double)scale * (maximum - highest));
                maximum = highest;
            }

            if (maximum != float.NegativeInfinity)
            {
                sum += Exponentials(part, maximum, scale);
            }
        }

        return (maximum, sum);
    }

    /// <summary>Copies the logits of tokens, and −∞ behind them up to a whole number of vectors.</summary>
    public static Span<float> Gather(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, Span<float> chunk)
    {
        Span<float> part = chunk[..tokens.Length];
        for (int i = 0; i < part.Length; i++)
        {
            part[i] = logits[tokens[i]];
        }

        int padded = (tokens.Length + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;
        chunk[tokens.Length..padded].Fill(float.NegativeInfinity);
        return chunk[..padded];
    }

    /// <summary>Puts e^{s (l − maximum)} in the place of each l of whole vectors and returns their sum.</summary>
    public static double Exponentials(Span<float> part, float maximum, float scale)
    {
        Vector<double> sums = Vector<double>.Zero;
        for (int at = 0; at < part.Length; at += Vector<float>.Count)
        {
            Vector<float> terms = Vector.Exp((new Vector<float>(part[at..]) - new Vector<float>(maximum)) * scale);
            terms.CopyTo(part[at..]);
            Vector.Widen(terms, out Vector<double> low, out Vector<double> high);
            sums += low + high;
        }

        return Vector.Sum(sums);
    }

    private static (float Maximum, double Sum) SumOfFew(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, float scale)
    {
        float maximum = logits[tokens[0]];
        if (tokens.Length == 1)
        {
            return (maximum, 1);
        }

        foreach (int token in tokens)
        {
            maximum = MathF.Max(maximum, logits[token]);
        }

        double sum = 0;
        if (maximum != float.NegativeInfinity)
        {
            foreach (int token in tokens)
            {
                sum += MathF.Exp((logits[token] - maximum) * scale);
            }
        }

        return (maximum, sum);
    }

    // NaN if one is NaN.
    private static float Maximum(ReadOnlySpan<float> part)
    {
        var highs = new Vector<float>(part);
        for (int at = Vector<float>.Count; at < part.Length; at += Vector<float>.Count)
        {
            highs = Vector.Max(highs, new Vector<float>(part[at..]));
        }

        float highest = highs[0];
        for (int i = 1; i < Vector<float>.Count; i++)
        {
            highest = MathF.Max(highest, highs[i]);
        }

        return highest;
    }
}
