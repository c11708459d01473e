// Nondeterministic → deterministic automaton by the subset construction (Rabin and Scott, 1959): a state is the set of NFA states that a
// text can lead to.
//
//   S_0 = E({start}),   δ(S, k) = E({t : s ─k─▶ t, s ∈ S}),   S accepts if it holds the end
//
// k is a class of bytes (ByteClasses), E adds what free transitions reach. Of each set only those states are kept that read a byte, and the
// end: the others make no difference. The sets met are in a hash table; only sets that some text reaches are made, at most 2^states of
// them, which is why the budget counts. Counted repetitions give chains of NFA states and small sets, hence chains again.
namespace Cinnabar.Constraints;

/// <summary>The subset construction.</summary>
internal sealed class DfaBuilder
{
    private readonly ByteNfa _nfa;
    private readonly CompilationBudget _budget;
    private readonly ByteClasses _classes;
    private readonly ByteNfa.Edge[] _edges; // by state they leave
    private readonly int[] _firstEdge; // [states + 1]
    private readonly int[] _freeTargets;
    private readonly int[] _firstFree; // [states + 1]

    private readonly ByteDfa _dfa;
    private readonly List<int[]> _sets = []; // sorted, of each DFA state
    private readonly Dictionary<int[], int> _numbers;
    private readonly Dictionary<int[], int>.AlternateLookup<ReadOnlySpan<int>> _numberOf;
    private readonly int[] _seenIn; // of each NFA state, the closure it was last met in
    private readonly int[] _closure;
    private readonly Stack<int> _open = new();
    private int _closures;

    private DfaBuilder(ByteNfa nfa, CompilationBudget budget)
    {
        (_nfa, _budget, _classes) = (nfa, budget, new ByteClasses(nfa.Edges));
        (_edges, _firstEdge) = BySource(nfa.Edges, nfa.StateCount);
        (ByteNfa.Edge[] free, _firstFree) = BySource(nfa.FreeEdges, nfa.StateCount);
        _freeTargets = [.. free.Select(edge => edge.To)];
        _dfa = new ByteDfa(_classes.ClassOf, budget);
        _numbers = new Dictionary<int[], int>(new SetComparer());
        _numberOf = _numbers.GetAlternateLookup<ReadOnlySpan<int>>();
        _seenIn = new int[nfa.StateCount];
        _closure = new int[nfa.StateCount];
    }

    /// <summary>Makes the automaton; every state leads to an accepting one, as in the NFA.</summary>
    /// <exception cref="CinnabarException">It would be too large.</exception>
    public static ByteDfa Build(ByteNfa nfa, CompilationBudget budget) => new DfaBuilder(nfa, budget).Build();

    private ByteDfa Build()
    {
        List<int>[] targets = [.. Enumerable.Range(0, _classes.Count).Select(_ => new List<int>())]; // of each class
        List<int> last = []; // of the class before
        Number([0]);
        for (int state = 0; state < _sets.Count; state++)
        {
            foreach (int from in _sets[state])
            {
                foreach (ByteNfa.Edge edge in _edges.AsSpan(_firstEdge[from].._firstEdge[from + 1]))
                {
                    byte[] onClasses = _classes.In(edge);
                    _budget.Spend(onClasses.Length);
                    foreach (byte onClass in onClasses)
                    {
                        targets[onClass].Add(edge.To);
                    }
                }
            }

            int next = ByteAutomaton.Dead;
            for (int onClass = 0; onClass < targets.Length; onClass++)
            {
                List<int> reached = targets[onClass];
                if (reached.Count == 0)
                {
                    continue;
                }

                // Neighbouring classes mostly lead to the same set.
                next = next != ByteAutomaton.Dead && last.SequenceEqual(reached) ? next : Number(reached);
                _dfa.AddTransition(state, (byte)onClass, next);
                last.Clear();
                (last, targets[onClass]) = (reached, last);
            }

            last.Clear();
        }

        return _dfa;
    }

    // The state for what some states and their free transitions reach.
    private int Number(List<int> from)
    {
        _closures++;
        int size = 0;
        foreach (int state in from)
        {
            Visit(state);
        }

        while (_open.TryPop(out int state))
        {
            _budget.Spend(1);
            if (_firstEdge[state] < _firstEdge[state + 1] || state == _nfa.End)
            {
                _closure[size++] = state;
            }

            foreach (int target in _freeTargets.AsSpan(_firstFree[state].._firstFree[state + 1]))
            {
                Visit(target);
            }
        }

        Span<int> set = _closure.AsSpan(0, size);
        set.Sort();
        if (!_numberOf.TryGetValue(set, out int number))
        {
            _budget.Spend(size);
            number = _dfa.AddState(accepts: set.BinarySearch(_nfa.End) >= 0);
            _sets.Add(set.ToArray());
            _numbers.Add(_sets[^1], number);
        }

        return number;
    }

    private void Visit(int state)
    {
        if (_seenIn[state] != _closures)
        {
            _seenIn[state] = _closures;
            _open.Push(state);
        }
    }

    // Counting sort by the state that a transition leaves.
    private static (ByteNfa.Edge[] Sorted, int[] First) BySource(IReadOnlyList<ByteNfa.Edge> edges, int states)
    {
        int[] first = new int[states + 1];
        foreach (ByteNfa.Edge edge in edges)
        {
            first[edge.From + 1]++;
        }

        for (int state = 0; state < states; state++)
        {
            first[state + 1] += first[state];
        }

        int[] place = [.. first];
        ByteNfa.Edge[] sorted = new ByteNfa.Edge[edges.Count];
        foreach (ByteNfa.Edge edge in edges)
        {
            sorted[place[edge.From]++] = edge;
        }

        return (sorted, first);
    }

    // Sets are equal if they hold the same states.
    private sealed class SetComparer : IEqualityComparer<int[]>, IAlternateEqualityComparer<ReadOnlySpan<int>, int[]>
    {
        public bool Equals(int[]? a, int[]? b) => a.AsSpan().SequenceEqual(b);

        public bool Equals(ReadOnlySpan<int> a, int[] b) => a.SequenceEqual(b);

        public int GetHashCode(int[] set) => GetHashCode(set.AsSpan());

        public int GetHashCode(ReadOnlySpan<int> set)
        {
            HashCode hash = default;
            foreach (int state in set)
            {
                hash.Add(state);
            }

            return hash.ToHashCode();
        }

        public int[] Create(ReadOnlySpan<int> set) => set.ToArray();
    }
}
