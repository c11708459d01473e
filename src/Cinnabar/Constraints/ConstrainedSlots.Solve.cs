// The states that can be reached, slot after slot, and what all ways to finish weigh from each (R and β of the file head).
namespace Cinnabar.Constraints;

internal sealed partial class ConstrainedSlots
{
    private readonly List<int> _offsets = []; // [L + 2], where the states of R_i begin
    private int[] _states = []; // R_0, R_1, …, one after the other
    private ScaledNumber[] _completions = []; // β of each of them
    private int[] _seenAt = []; // by state: the last slot it was found for
    private ScaledNumber[] _next = []; // β_{i+1} by state, right where the state is in R_{i+1}

    private ReadOnlySpan<int> StatesAt(int slot) => _states.AsSpan(_offsets[slot].._offsets[slot + 1]);

    private void BeginStates()
    {
        if (_next.Length < Automaton.StateCount)
        {
            (_seenAt, _next) = (new int[Automaton.StateCount], new ScaledNumber[Automaton.StateCount]);
        }
    }

    private Infeasibility? Reach()
    {
        Array.Fill(_seenAt, -1);
        _offsets.Clear();
        _offsets.Add(0);
        EnsureStates(1);
        _states[0] = Automaton.Start;
        _offsets.Add(1);
        for (int i = 0; i < Length; i++)
        {
            int end = ReachOver(i);
            if (end == _offsets[^1])
            {
                return new Infeasibility(_slots[i].Row == NoRow ? InfeasibilityKind.FixedToken
                    : LeadsOn(i) ? InfeasibilityKind.Excluded : InfeasibilityKind.TooLong, i, 0);
            }

            _offsets.Add(end);
        }

        int missing = TokenAutomaton.Never;
        foreach (int state in StatesAt(Length))
        {
            missing = Math.Min(missing, Automaton.MinTokens(state));
        }

        return missing == 0 ? null
            : new Infeasibility(InfeasibilityKind.TooShort, Length, missing == TokenAutomaton.Never ? missing : Length + missing);
    }

    // Writes the states behind a slot and returns their end.
    private int ReachOver(int slot)
    {
        int end = _offsets[slot + 1];
        EnsureStates(end + Automaton.StateCount);
        (int token, int row) = (_slots[slot].Token, _slots[slot].Row);
        foreach (int state in StatesAt(slot))
        {
            if (row == NoRow)
            {
                Found(Automaton.Next(state, token), slot, ref end);
            }
            else if (!_weights.Excludes(row))
            {
                foreach (int successor in Automaton.Successors(state))
                {
                    Found(successor, slot, ref end);
                }
            }
            else
            {
                ReadOnlySpan<ScaledNumber> weights = _weights.OfLabels(row);
                ReadOnlySpan<int> labels = Automaton.Labels(state);
                for (int j = 0; j < labels.Length; j++)
                {
                    Found(weights[labels[j]].Mantissa > 0 ? Automaton.Successors(state)[j] : ByteAutomaton.Dead, slot, ref end);
                }
            }
        }

        return end;
    }

    private void Found(int state, int slot, ref int end)
    {
        if (state != ByteAutomaton.Dead && _seenAt[state] != slot)
        {
            _seenAt[state] = slot;
            _states[end++] = state;
        }
    }

    private bool LeadsOn(int slot)
    {
        foreach (int state in StatesAt(slot))
        {
            if (Automaton.Successors(state).Length > 0)
            {
                return true;
            }
        }

        return false;
    }

    private void SumCompletions()
    {
        if (_completions.Length < _offsets[^1])
        {
            _completions = new ScaledNumber[_states.Length];
        }

        for (int i = Length; i >= 0; i--)
        {
            ReadOnlySpan<int> states = StatesAt(i);
            Span<ScaledNumber> completions = CompletionsAt(i);
            for (int j = 0; j < states.Length; j++)
            {
                completions[j] = i == Length ? (Automaton.Accepts(states[j]) ? ScaledNumber.Exp(0) : ScaledNumber.Zero)
                    : _slots[i].Row == NoRow ? Behind(states[j], _slots[i].Token)
                    : !_slots[i].IsOpen ? SumOver(states[j], _weights.OfLabels(_slots[i].Row))
                    : BestEdgeBehind(states[j], _slots[i].Row) is int edge and >= 0 ? _next[Automaton.Successors(states[j])[edge]]
                    : ScaledNumber.Zero;
            }

            LoadNext(i);
        }
    }

    private Span<ScaledNumber> CompletionsAt(int slot) => _completions.AsSpan(_offsets[slot].._offsets[slot + 1]);

    // β of a slot, from the states in their order to the table by state.
    private void LoadNext(int slot)
    {
        ReadOnlySpan<int> states = StatesAt(slot);
        ReadOnlySpan<ScaledNumber> completions = CompletionsAt(slot);
        for (int j = 0; j < states.Length; j++)
        {
            _next[states[j]] = completions[j];
        }
    }

    private ScaledNumber Behind(int state, int token) =>
        Automaton.Next(state, token) is int next and not ByteAutomaton.Dead ? _next[next] : ScaledNumber.Zero;

    // The edge of an open slot to the state with the greatest β; of equal ones the first, and −1 if there is none.
    private int BestEdgeBehind(int state, int row)
    {
        ReadOnlySpan<int> targets = Automaton.Successors(state);
        ReadOnlySpan<float> maxima = _weights.MaximaOfLabels(row);
        int best = -1;
        for (int j = 0; j < targets.Length; j++)
        {
            bool isAllowed = !float.IsNegativeInfinity(maxima[Automaton.Labels(state)[j]]);
            best = isAllowed && (best < 0 || _next[targets[j]].IsAbove(_next[targets[best]])) ? j : best;
        }

        return best;
    }

    // An edge without weight may lead to a state that was not reached: it adds 0 whatever stands there.
    private ScaledNumber SumOver(int state, ReadOnlySpan<ScaledNumber> weights)
    {
        ReadOnlySpan<int> labels = Automaton.Labels(state);
        ReadOnlySpan<int> targets = Automaton.Successors(state)[..labels.Length];
        ScaledNumber[] next = _next;
        ScaledNumber sum = ScaledNumber.Zero;
        for (int j = 0; j < labels.Length; j++)
        {
            ref readonly ScaledNumber weight = ref weights[labels[j]];
            ref readonly ScaledNumber rest = ref next[targets[j]];
            sum.Add(weight.Mantissa * rest.Mantissa, weight.Level + rest.Level);
        }

        return sum.Normalised();
    }

    private void EnsureStates(int count)
    {
        if (_states.Length < count)
        {
            CheckSize(count);
            Array.Resize(ref _states, Math.Max(count, Math.Min(2 * _states.Length, MostStored)));
        }
    }
}
