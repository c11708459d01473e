// Whole texts: one drawn from the joint distribution, the one that is likeliest token after token, and the most probable one.
//
//   drawn           for i = 0 … L − 1: an edge (g, q′) of q ∝ c_i[g] β_{i+1}(q′), then k ∈ g ∝ c_i[k], then v ∈ k ∝ p_i(v), by inversion
//                   with numbers that are looked up by (seed, step, position); classes and tokens are drawn by several threads. In an
//                   open slot the best q′
//   likeliest       in each slot the v with the largest p_i(v) β_{i+1}(q′); of equal ones the lowest
//   most probable   δ backward, then forward along the edges that reach it; of tokens that are equal the lowest
//
// All end in the states between the tokens. After Solve has found a text, and as long as the rows of logits stay as they were.
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Constraints;

internal sealed partial class ConstrainedSlots
{
    // Not the ids of tokens, nor the number that orders positions.
    private const ulong EdgeNumber = ulong.MaxValue - 1;
    private const ulong ClassNumber = ulong.MaxValue - 2;
    private const ulong TokenNumber = ulong.MaxValue - 3;

    private int[] _labels = []; // of the path that is drawn
    private double[] _best = []; // δ of each reached state
    private double[] _nextBest = []; // δ_{i+1} by state

    /// <summary>Draws a text from the joint distribution of all slots.</summary>
    /// <param name="seed">Start of the random numbers.</param>
    /// <param name="step">Number of the step.</param>
    /// <param name="firstPosition">The position of slot 0 on its canvas.</param>
    /// <param name="path">Receives the text.</param>
    public void Sample(ulong seed, int step, int firstPosition, ConstrainedPath path)
    {
        path.Begin(Length);
        if (_labels.Length < Length)
        {
            _labels = new int[_slots.Length];
        }

        path.States[0] = Automaton.Start;
        for (int i = 0; i < Length; i++)
        {
            LoadNext(i + 1);
            (int row, int state) = (_slots[i].Row, path.States[i]);
            if (row == NoRow)
            {
                path.States[i + 1] = Automaton.Next(state, _slots[i].Token);
                continue;
            }

            int edge = _slots[i].IsOpen
                ? BestEdgeBehind(state, row)
                : DrawEdge(state, _weights.OfLabels(row), new CounterRandom(seed, step, firstPosition + i).Unit(EdgeNumber));
            _labels[i] = Automaton.Labels(state)[edge];
            path.States[i + 1] = Automaton.Successors(state)[edge];
        }

        DrawBody body = new(this, path, seed, step, firstPosition);
        if (workers is null)
        {
            body.Run(0, Length);
        }
        else
        {
            workers.For(Length, grain: 1, body);
        }
    }

    /// <summary>Finds the most probable text; of equal ones that with the lower token where they first differ.</summary>
    /// <param name="path">Receives the text.</param>
    public void MostProbable(ConstrainedPath path)
    {
        path.Begin(Length);
        FindBest();
        path.States[0] = Automaton.Start;
        for (int i = 0; i < Length; i++)
        {
            int state = path.States[i];
            if (_slots[i].Row == NoRow)
            {
                path.Tokens[i] = _slots[i].Token;
                path.States[i + 1] = Automaton.Next(state, _slots[i].Token);
            }
            else
            {
                LoadNextBest(i + 1);
                (path.Tokens[i], path.States[i + 1]) = BestEdge(i, state);
            }
        }
    }

    /// <summary>
    /// Finds the text whose every token is, given those before it, the likeliest when all ways to go on are summed; of equal ones the
    /// lower token.
    /// </summary>
    /// <param name="path">Receives the text.</param>
    public void Likeliest(ConstrainedPath path)
    {
        path.Begin(Length);
        path.States[0] = Automaton.Start;
        for (int i = 0; i < Length; i++)
        {
            LoadNext(i + 1);
            int state = path.States[i];
            (path.Tokens[i], path.States[i + 1]) = _slots[i].Row == NoRow
                ? (_slots[i].Token, Automaton.Next(state, _slots[i].Token))
                : LikeliestEdge(i, state);
        }
    }

    private (int Token, int Target) LikeliestEdge(int slot, int state)
    {
        (int row, double scale) = (_slots[slot].Row, _slots[slot].Scale);
        ReadOnlySpan<float> maxima = _weights.MaximaOfLabels(row);
        ReadOnlySpan<int> labels = Automaton.Labels(state);
        ReadOnlySpan<int> targets = Automaton.Successors(state);
        double best = double.NegativeInfinity;
        (int token, int target) = (int.MaxValue, ByteAutomaton.Dead);
        for (int j = 0; j < labels.Length; j++)
        {
            float maximum = maxima[labels[j]];
            if (_next[targets[j]].Mantissa == 0 || float.IsNegativeInfinity(maximum))
            {
                continue;
            }

            double share = (scale * maximum) + _next[targets[j]].Log();
            if (share < best)
            {
                continue;
            }

            int lowest = LowestBest(slot, labels[j], maximum);
            if (share > best || lowest < token)
            {
                (best, token, target) = (share, lowest, targets[j]);
            }
        }

        return (token, target);
    }

    private int DrawEdge(int state, ReadOnlySpan<ScaledNumber> weights, double unit)
    {
        ReadOnlySpan<int> labels = Automaton.Labels(state);
        ReadOnlySpan<int> targets = Automaton.Successors(state);
        ScaledNumber all = SumOver(state, weights);
        int last = -1;
        for (int j = 0; j < labels.Length && unit >= 0; j++)
        {
            ScaledNumber weight = weights[labels[j]];
            ScaledNumber behind = _next[targets[j]];
            var product = new ScaledNumber { Mantissa = weight.Mantissa * behind.Mantissa, Level = weight.Level + behind.Level };
            double share = product.Over(all);
            last = share > 0 ? j : last;
            unit -= share;
        }

        return last;
    }

    private int DrawToken(int slot, CounterRandom random)
    {
        Slot known = _slots[slot];
        if (known.Row == NoRow)
        {
            return known.Token;
        }

        int label = _labels[slot];
        if (known.IsOpen)
        {
            return LowestBest(slot, label, _weights.MaximaOfLabels(known.Row)[label]);
        }

        int drawn = _weights.DrawClass(known.Row, label, random.Unit(ClassNumber));
        return _weights.DrawToken(known.Row, drawn, known.LogitRow, known.Scale, random.Unit(TokenNumber));
    }

    private void FindBest()
    {
        if (_best.Length < _offsets[^1])
        {
            _best = new double[_states.Length];
        }

        if (_nextBest.Length < Automaton.StateCount)
        {
            _nextBest = new double[Automaton.StateCount];
        }

        for (int i = Length; i >= 0; i--)
        {
            ReadOnlySpan<int> states = StatesAt(i);
            for (int j = 0; j < states.Length; j++)
            {
                _best[_offsets[i] + j] = i == Length ? (Automaton.Accepts(states[j]) ? 0 : double.NegativeInfinity)
                    : _slots[i].Row != NoRow ? BestOver(states[j], _weights.MaximaOfLabels(_slots[i].Row), _slots[i].Scale)
                    : Automaton.Next(states[j], _slots[i].Token) is int next and not ByteAutomaton.Dead ? _nextBest[next]
                    : double.NegativeInfinity;
            }

            LoadNextBest(i);
        }
    }

    private void LoadNextBest(int slot)
    {
        ReadOnlySpan<int> states = StatesAt(slot);
        for (int j = 0; j < states.Length; j++)
        {
            _nextBest[states[j]] = _best[_offsets[slot] + j];
        }
    }

    private double BestOver(int state, ReadOnlySpan<float> maxima, double scale)
    {
        ReadOnlySpan<int> labels = Automaton.Labels(state);
        ReadOnlySpan<int> targets = Automaton.Successors(state);
        double best = double.NegativeInfinity;
        for (int j = 0; j < labels.Length; j++)
        {
            best = Math.Max(best, (scale * maxima[labels[j]]) + _nextBest[targets[j]]);
        }

        return best;
    }

    private (int Token, int Target) BestEdge(int slot, int state)
    {
        (int row, double scale) = (_slots[slot].Row, _slots[slot].Scale);
        ReadOnlySpan<float> maxima = _weights.MaximaOfLabels(row);
        ReadOnlySpan<int> labels = Automaton.Labels(state);
        ReadOnlySpan<int> targets = Automaton.Successors(state);
        double best = BestOver(state, maxima, scale);
        (int token, int target) = (int.MaxValue, ByteAutomaton.Dead);
        for (int j = 0; j < labels.Length; j++)
        {
            if ((scale * maxima[labels[j]]) + _nextBest[targets[j]] == best)
            {
                int lowest = LowestBest(slot, labels[j], maxima[labels[j]]);
                (token, target) = lowest < token ? (lowest, targets[j]) : (token, target);
            }
        }

        return (token, target);
    }

    // The lowest token of a label with this logit.
    private int LowestBest(int slot, int label, float maximum)
    {
        int token = int.MaxValue;
        ReadOnlySpan<float> logits = _slots[slot].LogitRow;
        ReadOnlySpan<float> maxima = _weights.MaximaOfClasses(_slots[slot].Row);
        foreach (int k in Automaton.ClassesOf(label))
        {
            if (maxima[k] == maximum)
            {
                token = Math.Min(token, logits.IsEmpty ? Automaton.TokensOf(k)[0] : _weights.Best(k, logits, maximum));
            }
        }

        return token;
    }

    private readonly struct DrawBody(ConstrainedSlots slots, ConstrainedPath path, ulong seed, int step, int firstPosition) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                path.Tokens[i] = slots.DrawToken(i, new CounterRandom(seed, step, firstPosition + i));
            }
        }
    }
}
