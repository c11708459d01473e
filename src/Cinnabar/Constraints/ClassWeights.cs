// What the classes of an automaton weigh in one slot. With the logits l [V] of the slot and the scale s = 1/T:
//
//   M_k = max_{v∈k} l_v,   c_k = e^{−C} Σ_{v∈k} e^{s l_v},   C = max_k ln Σ_{v∈k} e^{s l_v}
//
// Each sum is taken relative to its own maximum, so a class that the network finds all but impossible keeps its exact weight, and no floor
// is needed. A class without a finite logit has weight 0. The logits of a class are gathered in chunks that stay in the nearest cache;
// exponentials in float32, sums in float64. A uniform row has l = 0.
using System.Numerics;

namespace Cinnabar.Constraints;

/// <summary>Weights of classes in slots, and draws from a class. Different rows may be read by different threads.</summary>
internal sealed class ClassWeights
{
    private const int Chunk = 512;

    private TokenAutomaton? _automaton;
    private ScaledNumber[] _weights = []; // [rows, K]
    private float[] _maxima = []; // [rows, K]
    private double[] _logScales = []; // [rows], C
    private bool[] _excludes = []; // [rows]

    private int Classes => _automaton!.ClassCount;

    /// <summary>Makes room for rows.</summary>
    public void Begin(TokenAutomaton automaton, int rows)
    {
        _automaton = automaton;
        if (_logScales.Length < rows)
        {
            (_logScales, _excludes) = (new double[rows], new bool[rows]);
        }

        if (_weights.Length < rows * Classes)
        {
            (_weights, _maxima) = (new ScaledNumber[rows * Classes], new float[rows * Classes]);
        }
    }

    /// <summary>c [K] of a row.</summary>
    public ReadOnlySpan<ScaledNumber> Of(int row) => _weights.AsSpan(row * Classes, Classes);

    /// <summary>M [K] of a row; −∞ where the weight is 0.</summary>
    public ReadOnlySpan<float> MaximaOf(int row) => _maxima.AsSpan(row * Classes, Classes);

    /// <summary>C of a row.</summary>
    public double LogScaleOf(int row) => _logScales[row];

    /// <summary>Whether a class other than 0 has weight 0.</summary>
    public bool Excludes(int row) => _excludes[row];

    /// <summary>Gives every allowed token the weight 1.</summary>
    public void SetUniform(int row)
    {
        Span<ScaledNumber> weights = _weights.AsSpan(row * Classes, Classes);
        _maxima.AsSpan(row * Classes, Classes).Clear();
        for (int k = 1; k < weights.Length; k++)
        {
            weights[k].Mantissa = Math.Log(_automaton!.TokensOf(k).Length);
        }

        ToWeights(row, weights);
    }

    /// <summary>Reads a row.</summary>
    /// <param name="row">Number of the row.</param>
    /// <param name="logits">[V or more].</param>
    /// <param name="scale">s, greater than 0.</param>
    /// <param name="slot">For errors.</param>
    /// <exception cref="CinnabarException">A logit of an allowed token is NaN or +∞.</exception>
    public void Read(int row, ReadOnlySpan<float> logits, float scale, int slot)
    {
        Span<float> chunk = stackalloc float[Chunk];
        Span<ScaledNumber> weights = _weights.AsSpan(row * Classes, Classes);
        Span<float> maxima = _maxima.AsSpan(row * Classes, Classes);
        for (int k = 1; k < weights.Length; k++)
        {
            ReadOnlySpan<int> tokens = _automaton!.TokensOf(k);
            (float maximum, double sum) = tokens.Length == 1 ? (logits[tokens[0]], 1) : Sum(tokens, logits, scale, chunk);
            if (!(maximum < float.PositiveInfinity && sum < double.PositiveInfinity))
            {
                throw BadLogit(tokens, logits, slot);
            }

            maxima[k] = maximum;
            weights[k].Mantissa = ((double)scale * maximum) + (sum == 1 ? 0 : Math.Log(sum));
        }

        ToWeights(row, weights);
    }

    /// <summary>A token of a class of a row that was read, drawn ∝ e^{s l_v} by inversion.</summary>
    /// <param name="row">Number of the row.</param>
    /// <param name="tokenClass">A class with a weight.</param>
    /// <param name="logits">What was read.</param>
    /// <param name="scale">s.</param>
    /// <param name="unit">In (0, 1).</param>
    public int Draw(int row, int tokenClass, ReadOnlySpan<float> logits, float scale, double unit)
    {
        ReadOnlySpan<int> tokens = _automaton!.TokensOf(tokenClass);
        if (tokens.Length == 1)
        {
            return tokens[0];
        }

        Span<float> chunk = stackalloc float[Chunk];
        float maximum = MaximaOf(row)[tokenClass];
        double rest = unit * Math.Exp(Of(row)[tokenClass].Log() + _logScales[row] - ((double)scale * maximum));
        for (int start = 0; start < tokens.Length; start += Chunk)
        {
            ReadOnlySpan<int> some = tokens.Slice(start, Math.Min(Chunk, tokens.Length - start));
            Span<float> part = chunk[..some.Length];
            Gather(some, logits, part);
            double sum = Exponentials(part, maximum, scale);
            if (rest >= sum)
            {
                rest -= sum;
                continue;
            }

            int last = 0;
            for (int i = 0; i < part.Length && rest >= 0; i++)
            {
                last = part[i] > 0 ? i : last;
                rest -= part[i];
            }

            return some[last];
        }

        // What rounding left over goes to the most probable token.
        return Best(tokenClass, logits, maximum);
    }

    /// <summary>The lowest token of a class with this logit.</summary>
    public int Best(int tokenClass, ReadOnlySpan<float> logits, float maximum)
    {
        ReadOnlySpan<int> tokens = _automaton!.TokensOf(tokenClass);
        int i = 0;
        while (logits[tokens[i]] != maximum)
        {
            i++;
        }

        return tokens[i];
    }

    // From logarithms, kept in the mantissas, to what they are relative to the largest.
    private void ToWeights(int row, Span<ScaledNumber> weights)
    {
        double largest = double.NegativeInfinity;
        for (int k = 1; k < weights.Length; k++)
        {
            largest = Math.Max(largest, weights[k].Mantissa);
        }

        bool excludes = false;
        for (int k = 1; k < weights.Length; k++)
        {
            bool excluded = double.IsNegativeInfinity(weights[k].Mantissa);
            weights[k] = excluded ? ScaledNumber.Zero : ScaledNumber.Exp(weights[k].Mantissa - largest);
            excludes |= excluded;
        }

        weights[0] = ScaledNumber.Zero;
        (_logScales[row], _excludes[row]) = (largest, excludes);
    }

    // The largest logit, and Σ e^{s (l_v − it)}; chunk after chunk, relative to the largest so far.
    private static (float Maximum, double Sum) Sum(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, float scale, Span<float> chunk)
    {
        float maximum = float.NegativeInfinity;
        double sum = 0;
        for (int start = 0; start < tokens.Length; start += chunk.Length)
        {
            ReadOnlySpan<int> some = tokens.Slice(start, Math.Min(chunk.Length, tokens.Length - start));
            Span<float> part = chunk[..some.Length];
            float highest = Gather(some, logits, part);
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

    // Copies the logits of tokens; returns the largest, or NaN if one is NaN.
    private static float Gather(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, Span<float> part)
    {
        float highest = float.NegativeInfinity;
        for (int i = 0; i < tokens.Length; i++)
        {
            part[i] = logits[tokens[i]];
        }

        int at = 0;
        if (part.Length >= Vector<float>.Count)
        {
            var highs = new Vector<float>(float.NegativeInfinity);
            for (; at <= part.Length - Vector<float>.Count; at += Vector<float>.Count)
            {
                highs = Vector.Max(highs, new Vector<float>(part[at..]));
            }

            for (int i = 0; i < Vector<float>.Count; i++)
            {
                highest = MathF.Max(highest, highs[i]);
            }
        }

        for (; at < part.Length; at++)
        {
            highest = MathF.Max(highest, part[at]);
        }

        return highest;
    }

    // Puts e^{s (l − maximum)} in the place of each l and returns their sum.
    private static double Exponentials(Span<float> part, float maximum, float scale)
    {
        double sum = 0;
        int at = 0;
        if (part.Length >= Vector<float>.Count)
        {
            Vector<double> sums = Vector<double>.Zero;
            for (; at <= part.Length - Vector<float>.Count; at += Vector<float>.Count)
            {
                Vector<float> terms = Vector.Exp((new Vector<float>(part[at..]) - new Vector<float>(maximum)) * scale);
                terms.CopyTo(part[at..]);
                Vector.Widen(terms, out Vector<double> low, out Vector<double> high);
                sums += low + high;
            }

            sum = Vector.Sum(sums);
        }

        for (; at < part.Length; at++)
        {
            part[at] = MathF.Exp((part[at] - maximum) * scale);
            sum += part[at];
        }

        return sum;
    }

    private static CinnabarException BadLogit(ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits, int slot)
    {
        int i = 0;
        while (logits[tokens[i]] < float.PositiveInfinity)
        {
            i++;
        }

        return new CinnabarException(
            $"Expected finite logits from the network, found {logits[tokens[i]]} for token {tokens[i]} in slot {slot} of a hole.",
            "Check that the checkpoint is complete and matches its configuration.");
    }
}
