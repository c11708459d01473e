// What the classes and labels of an automaton weigh in one slot. With the logits l [V] of the slot and the scale s = 1/T:
//
//   M_k = max_{v∈k} l_v,       c_k = e^{s M_k − C} Σ_{v∈k} e^{s (l_v − M_k)},   C = s max_k M_k
//   M_g = max_{k∈g} M_k,       c_g = Σ_{k∈g} c_k
//
// Each sum is taken relative to its own maximum, so a class that the network finds all but impossible keeps its exact weight, and no floor
// is needed. A class without a finite logit has weight 0. The row of open slots has maxima of 0 and no weights.
namespace Cinnabar.Constraints;

/// <summary>Weights of classes in slots, and draws from a class. Different rows may be read by different threads.</summary>
internal sealed class ClassWeights
{
    private TokenAutomaton? _automaton;
    private ScaledNumber[] _weights = []; // [rows, K + G]
    private float[] _maxima = []; // [rows, K + G]
    private double[] _logScales = []; // [rows], C
    private bool[] _excludes = []; // [rows]

    private int Classes => _automaton!.ClassCount;

    private int Columns => _automaton!.ClassCount + _automaton.LabelCount;

    /// <summary>Makes room for rows.</summary>
    public void Begin(TokenAutomaton automaton, int rows)
    {
        _automaton = automaton;
        if (_logScales.Length < rows)
        {
            (_logScales, _excludes) = (new double[rows], new bool[rows]);
        }

        if (_weights.Length < rows * Columns)
        {
            (_weights, _maxima) = (new ScaledNumber[rows * Columns], new float[rows * Columns]);
        }
    }

    /// <summary>c [K] of a row, by class.</summary>
    public ReadOnlySpan<ScaledNumber> OfClasses(int row) => _weights.AsSpan(row * Columns, Classes);

    /// <summary>c [G] of a row, by label.</summary>
    public ReadOnlySpan<ScaledNumber> OfLabels(int row) => _weights.AsSpan((row * Columns) + Classes, Columns - Classes);

    /// <summary>M [K] of a row, by class; −∞ where the weight is 0.</summary>
    public ReadOnlySpan<float> MaximaOfClasses(int row) => _maxima.AsSpan(row * Columns, Classes);

    /// <summary>M [G] of a row, by label; −∞ where the weight is 0.</summary>
    public ReadOnlySpan<float> MaximaOfLabels(int row) => _maxima.AsSpan((row * Columns) + Classes, Columns - Classes);

    /// <summary>C of a row.</summary>
    public double LogScaleOf(int row) => _logScales[row];

    /// <summary>Whether a label has weight 0.</summary>
    public bool Excludes(int row) => _excludes[row];

    /// <summary>Makes a row in which all tokens are alike; it has no weights.</summary>
    public void SetOpen(int row)
    {
        _maxima.AsSpan(row * Columns, Columns).Clear();
        _excludes[row] = false;
    }

    /// <summary>Reads a row.</summary>
    /// <param name="row">Number of the row.</param>
    /// <param name="logits">[V or more].</param>
    /// <param name="scale">s, greater than 0.</param>
    /// <param name="slot">For errors.</param>
    /// <exception cref="CinnabarException">A logit of an allowed token is NaN or +∞.</exception>
    public void Read(int row, ReadOnlySpan<float> logits, float scale, int slot)
    {
        Span<float> chunk = stackalloc float[GatheredLogits.Chunk];
        Span<ScaledNumber> weights = _weights.AsSpan(row * Columns, Classes);
        Span<float> maxima = _maxima.AsSpan(row * Columns, Classes);
        for (int k = 1; k < weights.Length; k++)
        {
            ReadOnlySpan<int> tokens = _automaton!.TokensOf(k);
            (float maximum, double sum) = GatheredLogits.Sum(tokens, logits, scale, chunk);
            if (!(maximum < float.PositiveInfinity && sum < double.PositiveInfinity))
            {
                throw BadLogit(tokens, logits, slot);
            }

            maxima[k] = maximum;
            weights[k].Mantissa = sum;
        }

        Finish(row, scale);
    }

    /// <summary>A class of a label of a row, drawn ∝ c_k by inversion.</summary>
    /// <param name="row">Number of the row.</param>
    /// <param name="label">A label with a weight.</param>
    /// <param name="unit">In (0, 1).</param>
    public int DrawClass(int row, int label, double unit)
    {
        ReadOnlySpan<ScaledNumber> weights = OfClasses(row);
        ScaledNumber all = OfLabels(row)[label];
        int last = 0;
        foreach (int k in _automaton!.ClassesOf(label))
        {
            double share = weights[k].Over(all);
            last = share > 0 ? k : last;
            unit -= share;
            if (unit < 0)
            {
                break;
            }
        }

        return last;
    }

    /// <summary>A token of a class of a row that was read, drawn ∝ e^{s l_v} by inversion.</summary>
    /// <param name="row">Number of the row.</param>
    /// <param name="tokenClass">A class with a weight.</param>
    /// <param name="logits">What was read.</param>
    /// <param name="scale">s.</param>
    /// <param name="unit">In (0, 1).</param>
    public int DrawToken(int row, int tokenClass, ReadOnlySpan<float> logits, float scale, double unit)
    {
        ReadOnlySpan<int> tokens = _automaton!.TokensOf(tokenClass);
        if (tokens.Length == 1)
        {
            return tokens[0];
        }

        Span<float> chunk = stackalloc float[GatheredLogits.Chunk];
        float maximum = MaximaOfClasses(row)[tokenClass];
        double rest = unit * Math.Exp(OfClasses(row)[tokenClass].Log() + _logScales[row] - ((double)scale * maximum));
        for (int start = 0; start < tokens.Length; start += chunk.Length)
        {
            ReadOnlySpan<int> some = tokens.Slice(start, Math.Min(chunk.Length, tokens.Length - start));
            Span<float> part = GatheredLogits.Gather(some, logits, chunk);
            double sum = GatheredLogits.Exponentials(part, maximum, scale);
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

    // The mantissas are Σ e^{s (l_v − M_k)}: makes weights of them, and sums over labels.
    private void Finish(int row, double scale)
    {
        Span<ScaledNumber> weights = _weights.AsSpan(row * Columns, Classes);
        ReadOnlySpan<float> maxima = MaximaOfClasses(row);
        double largest = double.NegativeInfinity;
        for (int k = 1; k < weights.Length; k++)
        {
            largest = Math.Max(largest, scale * maxima[k]);
        }

        for (int k = 1; k < weights.Length; k++)
        {
            if (float.IsNegativeInfinity(maxima[k]))
            {
                weights[k] = ScaledNumber.Zero;
                continue;
            }

            ScaledNumber weight = ScaledNumber.Exp((scale * maxima[k]) - largest);
            weight.Mantissa *= weights[k].Mantissa;
            weights[k] = weight.Normalised();
        }

        (_logScales[row], _excludes[row]) = (largest, false);
        for (int label = 0; label < Columns - Classes; label++)
        {
            ScaledNumber sum = ScaledNumber.Zero;
            float maximum = float.NegativeInfinity;
            foreach (int k in _automaton!.ClassesOf(label))
            {
                sum.Add(weights[k].Mantissa, weights[k].Level);
                maximum = MathF.Max(maximum, maxima[k]);
            }

            _weights[(row * Columns) + Classes + label] = sum.Normalised();
            _maxima[(row * Columns) + Classes + label] = maximum;
            _excludes[row] |= sum.Mantissa == 0;
        }
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
