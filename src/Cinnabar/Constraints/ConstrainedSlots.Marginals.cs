// What every slot holds given all others, summed over all texts (π, ξ and m of the file head).
using System.Buffers;
using System.Numerics;

namespace Cinnabar.Constraints;

internal sealed partial class ConstrainedSlots
{
    private double[] _labelProbabilities = []; // [L, G], Σ ξ_i over the edges of a label; unused without a distribution
    private double[] _here = []; // π_i by state, right where the state is in R_i
    private double[] _ahead = []; // π_{i+1}

    /// <summary>Computes the marginals of all slots, after <see cref="Solve"/> has found a text.</summary>
    /// <exception cref="CinnabarException">Slots times labels are too many.</exception>
    public void ComputeMarginals()
    {
        int labels = Automaton.LabelCount;
        CheckSize((long)Length * labels);
        if (_labelProbabilities.Length < Length * labels)
        {
            _labelProbabilities = new double[Length * labels];
        }

        if (_here.Length < Automaton.StateCount)
        {
            (_here, _ahead) = (new double[Automaton.StateCount], new double[Automaton.StateCount]);
        }

        _here[Automaton.Start] = 1;
        for (int i = 0; i < Length; i++)
        {
            LoadNext(i + 1);
            foreach (int state in StatesAt(i + 1))
            {
                _ahead[state] = 0;
            }

            Span<double> probabilities = _labelProbabilities.AsSpan(i * labels, labels);
            probabilities.Clear();
            Advance(i, probabilities);
            (_here, _ahead) = (_ahead, _here);
        }
    }

    /// <summary>
    /// Writes ln m(v) of a slot, after <see cref="ComputeMarginals"/>: what the logits of the network become under the constraint. Slots
    /// may be written by several threads.
    /// </summary>
    /// <param name="slot">A slot that is fixed or has a distribution; of an open one nothing can be said.</param>
    /// <param name="logMarginals">
    /// [V or more]; −∞ beyond V. May be the row of logits itself, if its distribution is not needed any more.
    /// </param>
    public void WriteLogMarginals(int slot, Span<float> logMarginals)
    {
        Slot known = _slots.AsSpan(0, Length)[slot];
        int classes = Automaton.ClassCount;
        if (known.Row == NoRow)
        {
            logMarginals.Fill(float.NegativeInfinity);
            logMarginals[known.Token] = 0;
            return;
        }

        float[] rented = ArrayPool<float>.Shared.Rent(classes);
        Span<float> shifts = rented.AsSpan(0, classes);
        LogMultipliers(slot, shifts);
        Shift(known, shifts, logMarginals[..Automaton.VocabularySize]);
        logMarginals[Automaton.VocabularySize..].Fill(float.NegativeInfinity);
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>
    /// Writes ln w [K] of a slot with a distribution, with ln m(v) = s l_v + ln w[class of v]; −∞ for classes that no text has there. After
    /// <see cref="ComputeMarginals"/>; by several threads if need be.
    /// </summary>
    public void LogMultipliers(int slot, Span<float> logMultipliers)
    {
        int row = _slots.AsSpan(0, Length)[slot].Row;
        double[] rented = ArrayPool<double>.Shared.Rent(Automaton.ClassCount);
        Span<double> ofClasses = rented.AsSpan(0, Automaton.ClassCount);
        ofClasses.Clear();
        ReadOnlySpan<ScaledNumber> weights = _weights.OfClasses(row);
        ReadOnlySpan<ScaledNumber> sums = _weights.OfLabels(row);
        for (int label = 0; label < sums.Length; label++)
        {
            double probability = _labelProbabilities[(slot * sums.Length) + label];
            if (probability > 0)
            {
                foreach (int k in Automaton.ClassesOf(label))
                {
                    ofClasses[k] += probability * weights[k].Over(sums[label]);
                }
            }
        }

        double logScale = _weights.LogScaleOf(row);
        for (int k = 0; k < ofClasses.Length; k++)
        {
            logMultipliers[k] = ofClasses[k] > 0
                ? (float)(Math.Log(ofClasses[k]) - weights[k].Log() - logScale)
                : float.NegativeInfinity;
        }

        ArrayPool<double>.Shared.Return(rented);
    }

    // s l_v + shift of the class of v, chunk after chunk; what is not allowed may have any logit, NaN too.
    private void Shift(Slot known, ReadOnlySpan<float> shifts, Span<float> shifted)
    {
        Span<float> chunk = stackalloc float[GatheredLogits.Chunk];
        for (int start = 0; start < shifted.Length; start += chunk.Length)
        {
            ReadOnlySpan<int> classOf = Automaton.ClassOfTokens.Slice(start, Math.Min(chunk.Length, shifted.Length - start));
            Span<float> part = chunk[..classOf.Length];
            for (int i = 0; i < part.Length; i++)
            {
                part[i] = shifts[classOf[i]];
            }

            if (known.Logits is not null)
            {
                AddTo(part, known.LogitRow.Slice(start, part.Length), known.Scale);
            }

            part.CopyTo(shifted[start..]);
        }
    }

    private static void AddTo(Span<float> shifts, ReadOnlySpan<float> logits, float scale)
    {
        int i = 0;
        for (; i <= shifts.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var shift = new Vector<float>(shifts[i..]);
            Vector<float> sum = (new Vector<float>(logits[i..]) * scale) + shift;
            var never = new Vector<float>(float.NegativeInfinity);
            Vector.ConditionalSelect(Vector.Equals(shift, never), never, sum).CopyTo(shifts[i..]);
        }

        for (; i < shifts.Length; i++)
        {
            shifts[i] = float.IsNegativeInfinity(shifts[i]) ? shifts[i] : (logits[i] * scale) + shifts[i];
        }
    }

    // From π of a slot to π behind it, and the probability of each label there.
    private void Advance(int slot, Span<double> probabilities)
    {
        ReadOnlySpan<int> states = StatesAt(slot);
        ReadOnlySpan<ScaledNumber> completions = CompletionsAt(slot);
        (int token, int row) = (_slots[slot].Token, _slots[slot].Row);
        for (int j = 0; j < states.Length; j++)
        {
            double probability = _here[states[j]];
            if (probability == 0)
            {
                continue;
            }

            if (row == NoRow)
            {
                _ahead[Automaton.Next(states[j], token)] += probability;
            }
            else if (_slots[slot].IsOpen)
            {
                _ahead[Automaton.Successors(states[j])[BestEdgeBehind(states[j], row)]] += probability;
            }
            else
            {
                Spread(states[j], probability, completions[j], _weights.OfLabels(row), probabilities);
            }
        }
    }

    private void Spread(
        int state, double probability, ScaledNumber completion, ReadOnlySpan<ScaledNumber> weights, Span<double> probabilities)
    {
        ReadOnlySpan<int> labels = Automaton.Labels(state);
        ReadOnlySpan<int> targets = Automaton.Successors(state)[..labels.Length];
        (ScaledNumber[] next, double[] ahead) = (_next, _ahead);
        double scale = probability / completion.Mantissa;
        for (int j = 0; j < labels.Length; j++)
        {
            (int label, int target) = (labels[j], targets[j]);
            ref readonly ScaledNumber weight = ref weights[label];
            ref readonly ScaledNumber rest = ref next[target];
            double share = weight.Mantissa * rest.Mantissa * scale * ScaledNumber.Factor(weight.Level + rest.Level - completion.Level);
            probabilities[label] += share;
            ahead[target] += share;
        }
    }
}
