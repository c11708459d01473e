// w_v = e^{s (l_v − max)} and Σ w_v, in float64. The inner loop of every row: Vector<double>.Exp takes several ids at once; the
// last few take the scalar function. −∞ gives exactly 0.
using System.Numerics;

namespace Cinnabar.Sampling;

internal static class Exponentials
{
    /// <summary>Σ_v e^{l_v − maximum}.</summary>
    public static double Sum(ReadOnlySpan<float> logits, double maximum)
    {
        Vector<double> sums = Vector<double>.Zero;
        int v = 0;
        for (; v <= logits.Length - Vector<float>.Count; v += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(logits[v..]), out Vector<double> low, out Vector<double> high);
            sums += Vector.Exp(low - new Vector<double>(maximum)) + Vector.Exp(high - new Vector<double>(maximum));
        }

        double sum = Vector.Sum(sums);
        for (; v < logits.Length; v++)
        {
            sum += Math.Exp(logits[v] - maximum);
        }

        return sum;
    }

    /// <summary>Writes w_v = e^{scale (l_v − maximum)} and returns their sum.</summary>
    public static double Fill(float[] logits, double maximum, double scale, double[] weights)
    {
        Vector<double> sums = Vector<double>.Zero;
        int v = 0;
        for (; v <= logits.Length - Vector<float>.Count; v += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(logits, v), out Vector<double> low, out Vector<double> high);
            low = Vector.Exp((low - new Vector<double>(maximum)) * scale);
            high = Vector.Exp((high - new Vector<double>(maximum)) * scale);
            low.CopyTo(weights, v);
            high.CopyTo(weights, v + Vector<double>.Count);
            sums += low + high;
        }

        double sum = Vector.Sum(sums);
        for (; v < logits.Length; v++)
        {
            weights[v] = Math.Exp(scale * (logits[v] - maximum));
            sum += weights[v];
        }

        return sum;
    }
}
