// What a sampler wants to know of a row of logits l [V], so that the row itself need not leave its device.
//
//   allowed   the ids that neither the row's mask nor its own list forbids; a forbidden id counts as −∞, whatever stands there
//   best      argmax l, ties to the lower id; NaN counts as more than +∞, so that a row that is not finite shows by its best logit
//   p         softmax(l) over the allowed ids
//   q         softmax(s·l), s = 1/T; s = 1 where T = 0
//   drawn     T = 0: best; T > 0: argmax s·(l_v − max l) − ln(−ln u_v), ties to the lower id (Gumbel-max, a draw from q)
//   u_v       SplitMix.ToUnit(SplitMix.At(key, v))
//   −entropy  Σ q ln q = (Σ w ln w)/Σw − ln Σw with w = e^{s·(l − max l)}
//   margin    largest minus second largest q
//   lead      largest minus second largest l
//
// The processor's forms have no such kernel: there the sampler reads rows itself, also where it needs more of them than this.
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Kernels;

/// <summary>What is asked of one row of logits.</summary>
/// <param name="Temperature">T, 0 or more; 0: nothing is drawn, and q = p.</param>
/// <param name="Key">Chooses the random numbers of the draw.</param>
/// <param name="Row">Which row of the logits.</param>
/// <param name="Mask">Number of the mask that forbids tokens here.</param>
/// <param name="FirstOwn">Where the ids that only this row forbids begin in the list of all such ids.</param>
/// <param name="OwnCount">How many they are.</param>
/// <param name="Asked">A token whose probability is wanted; −1: none.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct TokenRow(double Temperature, ulong Key, int Row, int Mask, int FirstOwn, int OwnCount, int Asked);

/// <summary>
/// What was found in one row of logits. Where <see cref="BestLogit"/> is not finite only it, <see cref="BestId"/> and
/// <see cref="DrawnId"/>, the same, mean something.
/// </summary>
/// <param name="BestProbability">p of the best token.</param>
/// <param name="DrawnProbability">p of the drawn token.</param>
/// <param name="AskedProbability">p of the token that was asked for, 0 if it is forbidden; 0 if none was.</param>
/// <param name="NegativeEntropy">Σ q ln q, in nats.</param>
/// <param name="Margin">Largest minus second largest q.</param>
/// <param name="Lead">Largest minus second largest logit; +∞ if only one token is possible.</param>
/// <param name="BestId">The best token; −1: none is possible, all are at −∞ or forbidden.</param>
/// <param name="DrawnId">The drawn token.</param>
/// <param name="BestLogit">The logit of the best token: NaN or +∞ if any logit is; −∞ if no token is possible.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct TokenReading(
    double BestProbability,
    double DrawnProbability,
    double AskedProbability,
    double NegativeEntropy,
    double Margin,
    double Lead,
    int BestId,
    int DrawnId,
    float BestLogit);

/// <summary>Finds the best and the drawn token of rows of logits, and how sure they are.</summary>
public interface ITokenStatistics
{
    /// <summary>Reads rows.</summary>
    /// <param name="logits">[R, V].</param>
    /// <param name="rows">What is asked, of M rows.</param>
    /// <param name="masks">[masks, ⌈V/32⌉]: bit v % 32 of word v / 32 forbids token v.</param>
    /// <param name="own">The ids that single rows forbid.</param>
    /// <param name="readings">[M], receives the answers.</param>
    void Forward(
        Tensor logits, ReadOnlySpan<TokenRow> rows, ReadOnlySpan<uint> masks, ReadOnlySpan<int> own, Span<TokenReading> readings);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceTokenStatistics : ITokenStatistics
{
    private const int BitsOfWord = 32;

    public void Forward(
        Tensor logits, ReadOnlySpan<TokenRow> rows, ReadOnlySpan<uint> masks, ReadOnlySpan<int> own, Span<TokenReading> readings)
    {
        Check(logits, rows, masks, own, readings);
        int words = WordsOf(logits.Columns);
        float[] allowed = new float[logits.Columns];
        for (int r = 0; r < rows.Length; r++)
        {
            TokenRow row = rows[r];
            logits.Row(row.Row).CopyTo(allowed);
            ReadOnlySpan<uint> mask = masks.Slice(row.Mask * words, words);
            for (int v = 0; v < allowed.Length; v++)
            {
                bool isForbidden = ((mask[v / BitsOfWord] >> (v % BitsOfWord)) & 1) != 0;
                allowed[v] = isForbidden ? float.NegativeInfinity : allowed[v];
            }

            foreach (int id in own.Slice(row.FirstOwn, row.OwnCount))
            {
                allowed[id] = float.NegativeInfinity;
            }

            readings[r] = Read(allowed, row);
        }
    }

    /// <summary>The words of a mask.</summary>
    internal static int WordsOf(int vocabularySize) => (vocabularySize + BitsOfWord - 1) / BitsOfWord;

    internal static void Check(
        Tensor logits, ReadOnlySpan<TokenRow> rows, ReadOnlySpan<uint> masks, ReadOnlySpan<int> own, Span<TokenReading> readings)
    {
        Expect.Floats(logits, logits.Count);
        Expect.Length(readings.Length, rows.Length, nameof(readings));
        Expect.Indices(own, logits.Columns, nameof(own));
        int words = WordsOf(logits.Columns);
        foreach (TokenRow row in rows)
        {
            bool fits = row.Temperature >= 0 && (uint)row.Row < (uint)logits.Rows && row.Asked >= -1 && row.Asked < logits.Columns
                && row.Mask >= 0 && (row.Mask + 1L) * words <= masks.Length
                && row.FirstOwn >= 0 && row.OwnCount >= 0 && (long)row.FirstOwn + row.OwnCount <= own.Length;
            if (!fits)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(rows),
                    $"Expected a temperature of 0 or more, a row and a token of {logits}, a mask of {masks.Length} words and own ids among "
                    + $"{own.Length}, found {row}.");
            }
        }
    }

    private static TokenReading Read(ReadOnlySpan<float> logits, in TokenRow row)
    {
        int best = -1;
        float largest = float.NegativeInfinity;
        for (int v = 0; v < logits.Length; v++)
        {
            if (logits[v] > largest || (float.IsNaN(logits[v]) && !float.IsNaN(largest)))
            {
                (best, largest) = (v, logits[v]);
            }
        }

        if (!float.IsFinite(largest))
        {
            return default(TokenReading) with { BestId = best, DrawnId = best, BestLogit = largest };
        }

        double scale = row.Temperature > 0 ? 1 / row.Temperature : 1;
        float second = float.NegativeInfinity;
        double sum = 0; // of e^{l − max}
        double scaledSum = 0; // of w
        double weighted = 0; // of w ln w
        for (int v = 0; v < logits.Length; v++)
        {
            if (float.IsNegativeInfinity(logits[v]))
            {
                continue;
            }

            second = v == best ? second : Math.Max(second, logits[v]);
            double below = scale * (logits[v] - (double)largest);
            double weight = Math.Exp(below);
            sum += Math.Exp(logits[v] - (double)largest);
            scaledSum += weight;
            weighted += weight * below;
        }

        int drawn = row.Temperature > 0 ? Draw(logits, largest, scale, row.Key) : best;
        return new TokenReading(
            BestProbability: 1 / sum,
            DrawnProbability: Math.Exp(logits[drawn] - (double)largest) / sum,
            AskedProbability: row.Asked < 0 ? 0 : Math.Exp(logits[row.Asked] - (double)largest) / sum,
            NegativeEntropy: (weighted / scaledSum) - Math.Log(scaledSum),
            Margin: (1 - Math.Exp(scale * (second - (double)largest))) / scaledSum,
            Lead: largest - second,
            best,
            drawn,
            largest);
    }

    private static int Draw(ReadOnlySpan<float> logits, double largest, double scale, ulong key)
    {
        int drawn = -1;
        double bestScore = double.NegativeInfinity;
        for (int v = 0; v < logits.Length; v++)
        {
            double gumbel = -Math.Log(-Math.Log(SplitMix.ToUnit(SplitMix.At(key, (ulong)v))));
            double score = (scale * (logits[v] - largest)) + gumbel;
            if (score > bestScore)
            {
                (drawn, bestScore) = (v, score);
            }
        }

        return drawn;
    }
}
