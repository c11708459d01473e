// Syntax tree → nondeterministic automaton over bytes, after Thompson (Regular expression search algorithm, 1968): every node becomes a
// few states, joined by free transitions (ε) that read nothing.
//
//   A B C     from ─A─▶ ○ ─B─▶ ○ ─C─▶ end
//   A|B       from ─A─▶ ○ ─ε─▶ end,  from ─B─▶ ○ ─ε─▶ end
//   A{1,}     from ─ε─▶ in ─A─▶ end,  end ─separator─▶ in
//   A{1,3}    from ─A─▶ ○ ─A─▶ ○ ─A─▶ ○, and ε from every ○ where one may stop straight to the end
//   members   two states before member i, none and some: whether one is written already; the member itself exists once:
//                 none_i ─ε─▶ in_i,  some_i ─separator─▶ in_i,  in_i ─member─▶ some_{i+1},
//                 and if it is optional none_i ─ε─▶ none_{i+1}, some_i ─ε─▶ some_{i+1}
//
// A part never adds a transition into the state it begins at, so several can begin at the same state.
namespace Cinnabar.Constraints;

/// <summary>A nondeterministic automaton over bytes; begins at state 0.</summary>
internal sealed class ByteNfa
{
    private readonly CompilationBudget _budget;
    private readonly List<Edge> _edges = [];
    private readonly List<Edge> _free = [];
    private int _states = 1;

    private ByteNfa(CompilationBudget budget) => _budget = budget;

    /// <summary>A transition for the bytes of a range; free ones carry no bytes.</summary>
    internal readonly record struct Edge(int From, int To, byte Low, byte High);

    /// <summary>Number of states.</summary>
    public int StateCount => _states;

    /// <summary>The only state where a text may end; nothing leads on from it.</summary>
    public int End { get; private set; }

    /// <summary>The transitions that read a byte.</summary>
    public IReadOnlyList<Edge> Edges => _edges;

    /// <summary>The transitions that read nothing.</summary>
    public IReadOnlyList<Edge> FreeEdges => _free;

    /// <summary>Makes the automaton of a tree.</summary>
    /// <exception cref="CinnabarException">It would be too large.</exception>
    public static ByteNfa Of(RegexNode tree, CompilationBudget budget)
    {
        ByteNfa nfa = new(budget);
        int last = nfa.Add(tree, 0);
        nfa.End = nfa.NewState();
        nfa.AddFree(last, nfa.End);
        return nfa;
    }

    // Adds a part that begins at a state; gives the state behind it.
    private int Add(RegexNode node, int from)
    {
        _budget.Spend(1);
        return node switch
        {
            RegexNode.Bytes bytes => AddBytes(bytes.Value, from),
            RegexNode.Characters characters => AddCharacters(characters.Set.Utf8, from),
            RegexNode.Sequence sequence => sequence.Parts.Aggregate(from, (state, part) => Add(part, state)),
            RegexNode.Alternation alternation => AddChoices(alternation.Choices, from),
            RegexNode.Repetition repetition => AddRepetition(repetition, from),
            RegexNode.Members members => AddMembers(members, from),
            RegexNode.Automaton automaton => AddAutomaton(automaton.Value, from),
            _ => throw new InvalidOperationException($"No automaton for {node.GetType()}."),
        };
    }

    private int AddBytes(byte[] bytes, int from)
    {
        foreach (byte value in bytes)
        {
            int next = NewState();
            AddEdge(from, next, value, value);
            from = next;
        }

        return from;
    }

    // Sequences that end alike share the states of that end.
    private int AddCharacters(ReadOnlySpan<ulong> sequences, int from)
    {
        int end = NewState();
        Dictionary<ulong, int>? before = null;
        foreach (ulong sequence in sequences)
        {
            AddSequence(from, sequence);
        }

        return end;

        void AddSequence(int state, ulong sequence)
        {
            (byte low, byte high) = Utf8Ranges.First(sequence);
            ulong rest = Utf8Ranges.Rest(sequence);
            int next = end;
            if (rest != 0 && !(before ??= []).TryGetValue(rest, out next))
            {
                before[rest] = next = NewState();
                AddSequence(next, rest);
            }

            AddEdge(state, next, low, high);
        }
    }

    private int AddChoices(RegexNode[] choices, int from)
    {
        int end = NewState();
        foreach (RegexNode choice in choices)
        {
            AddFree(Add(choice, from), end);
        }

        return end;
    }

    private int AddRepetition(RegexNode.Repetition repetition, int from)
    {
        RegexNode[] parts = repetition.Parts;
        bool unbounded = repetition.Most == RegexNode.Unbounded;
        int copies = unbounded ? Math.Max(parts.Length, repetition.Least) : repetition.Most;
        int end = NewState();
        if (repetition.Least == 0)
        {
            AddFree(from, end);
        }

        for (int i = 1; i <= copies; i++)
        {
            bool loops = unbounded && i == copies;
            int begin = i == 1 ? from : Add(repetition.Separator, from);
            if (loops)
            {
                int inside = NewState(); // where the loop comes back to
                AddFree(begin, inside);
                begin = inside;
            }

            from = Add(parts[Math.Min(i, parts.Length) - 1], begin);
            if (loops)
            {
                AddFree(Add(repetition.Separator, from), begin);
            }

            if (i >= repetition.Least)
            {
                AddFree(from, end);
            }
        }

        return end;
    }

    private int AddMembers(RegexNode.Members members, int from)
    {
        int none = from; // Dead when one was required
        int some = ByteAutomaton.Dead; // until there can be one
        foreach ((RegexNode node, bool required) in members.Items)
        {
            int begin = NewState();
            if (none != ByteAutomaton.Dead)
            {
                AddFree(none, begin);
            }

            if (some != ByteAutomaton.Dead)
            {
                AddFree(Add(members.Separator, some), begin);
            }

            int next = NewState();
            AddFree(Add(node, begin), next);
            if (required)
            {
                none = ByteAutomaton.Dead;
            }
            else if (some != ByteAutomaton.Dead)
            {
                AddFree(some, next);
            }

            some = next;
        }

        int end = NewState();
        AddFree(some, end);
        if (none != ByteAutomaton.Dead)
        {
            AddFree(none, end);
        }

        return end;
    }

    private int AddAutomaton(ByteAutomaton automaton, int from)
    {
        _budget.Spend(automaton.StateCount * 16L);
        int first = _states;
        for (int state = 0; state < automaton.StateCount; state++)
        {
            NewState();
        }

        int end = NewState();
        AddFree(from, first + automaton.Start);
        for (int state = 0; state < automaton.StateCount; state++)
        {
            if (automaton.Accepts(state))
            {
                AddFree(first + state, end);
            }

            for (int low = 0, high; low < 256; low = high + 1)
            {
                int next = automaton.Next(state, (byte)low);
                for (high = low; high < 255 && automaton.Next(state, (byte)(high + 1)) == next; high++)
                {
                }

                if (next != ByteAutomaton.Dead)
                {
                    AddEdge(first + state, first + next, (byte)low, (byte)high);
                }
            }
        }

        return end;
    }

    private int NewState()
    {
        _budget.Spend(1);
        _budget.Check(_states + 1L, CompilationBudget.MaxNfaStates, "states before it is made deterministic");
        return _states++;
    }

    private void AddEdge(int from, int to, byte low, byte high) => _edges.Add(new Edge(from, to, low, high));

    private void AddFree(int from, int to) => _free.Add(new Edge(from, to, 0, 0));
}
