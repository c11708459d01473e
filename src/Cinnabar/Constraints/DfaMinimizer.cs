// The minimal automaton of the same language, by Hopcroft's refinement in the form for partial automata of Valmari and Lehtinen
// (Efficient minimization of DFAs with partial transition functions, 2008): O(m log m) for m transitions, no state for failure needed.
//
// Two states are the same if the same texts lead from them to an end. Start with two blocks, accepting or not. Transitions are in bundles
// that share a class of bytes and the block they lead to; every bundle splits the blocks of states into those with a transition in it and
// those without, every new block of states splits the bundles that lead into it, until nothing splits. Blocks are the states of the result.
//
// The result is numbered in the order in which texts reach its states, and bytes that no state tells apart become one class.
namespace Cinnabar.Constraints;

/// <summary>Minimises automata.</summary>
internal static class DfaMinimizer
{
    /// <summary>The minimal automaton.</summary>
    /// <param name="dfa">An automaton whose states can all be reached and all lead to an end.</param>
    /// <param name="budget">What it may cost.</param>
    /// <exception cref="CinnabarException">The table would be too large.</exception>
    public static ByteAutomaton Minimize(ByteDfa dfa, CompilationBudget budget)
    {
        RefinablePartition blocks = Blocks(dfa, budget);
        int classes = dfa.ClassOf.Max() + 1;
        budget.Check((long)blocks.BlockCount * classes, CompilationBudget.MaxTableEntries, "states × classes of bytes");

        // [blocks, classes] from the transitions of one state of each block.
        int[] next = new int[blocks.BlockCount * classes];
        Array.Fill(next, ByteAutomaton.Dead);
        foreach (ByteDfa.Transition transition in dfa.Transitions)
        {
            next[(blocks.BlockOf(transition.From) * classes) + transition.Class] = blocks.BlockOf(transition.To);
        }

        int[] order = InOrderOfReach(blocks.BlockOf(0), next, classes);
        int[] number = new int[order.Length];
        bool[] accepts = new bool[order.Length];
        for (int state = 0; state < order.Length; state++)
        {
            number[order[state]] = state;
            accepts[state] = dfa.Accepts[blocks.Elements(order[state])[0]];
        }

        (int[] columns, int[] columnOf) = DistinctColumns(next, classes);
        int[] table = new int[order.Length * columns.Length];
        for (int state = 0; state < order.Length; state++)
        {
            for (int column = 0; column < columns.Length; column++)
            {
                int target = next[(order[state] * classes) + columns[column]];
                table[(state * columns.Length) + column] = target == ByteAutomaton.Dead ? target : number[target];
            }
        }

        byte[] classOf = [.. dfa.ClassOf.Select(old => (byte)columnOf[old])];
        return new ByteAutomaton(start: 0, accepts, classOf, columns.Length, table);
    }

    private static RefinablePartition Blocks(ByteDfa dfa, CompilationBudget budget)
    {
        IReadOnlyList<ByteDfa.Transition> transitions = dfa.Transitions;
        budget.Spend(dfa.Accepts.Count + transitions.Count);
        RefinablePartition blocks = new([.. dfa.Accepts.Select(accepts => accepts ? (byte)1 : (byte)0)]);
        RefinablePartition bundles = new([.. transitions.Select(transition => transition.Class)]);
        (int[] into, int[] firstInto) = ByTarget(transitions, dfa.Accepts.Count);

        // The halves of a block need not both be looked at: bundles are split already by the whole, so one half does. Block 0 of the
        // start is that other half.
        for (int bundle = 0, block = 1; bundle < bundles.BlockCount; bundle++)
        {
            foreach (int transition in bundles.Elements(bundle))
            {
                blocks.Mark(transitions[transition].From);
            }

            blocks.Split();
            for (; block < blocks.BlockCount; block++)
            {
                foreach (int state in blocks.Elements(block))
                {
                    foreach (int transition in into.AsSpan(firstInto[state]..firstInto[state + 1]))
                    {
                        bundles.Mark(transition);
                    }
                }

                bundles.Split();
            }
        }

        return blocks;
    }

    // Counting sort of the transitions by the state they lead to.
    private static (int[] Sorted, int[] First) ByTarget(IReadOnlyList<ByteDfa.Transition> transitions, int states)
    {
        int[] first = new int[states + 1];
        foreach (ByteDfa.Transition transition in transitions)
        {
            first[transition.To + 1]++;
        }

        for (int state = 0; state < states; state++)
        {
            first[state + 1] += first[state];
        }

        int[] place = [.. first];
        int[] sorted = new int[transitions.Count];
        for (int i = 0; i < sorted.Length; i++)
        {
            sorted[place[transitions[i].To]++] = i;
        }

        return (sorted, first);
    }

    private static int[] InOrderOfReach(int start, int[] next, int classes)
    {
        List<int> order = [start];
        bool[] met = new bool[next.Length / classes];
        met[start] = true;
        for (int i = 0; i < order.Count; i++)
        {
            foreach (int target in next.AsSpan(order[i] * classes, classes))
            {
                if (target != ByteAutomaton.Dead && !met[target])
                {
                    met[target] = true;
                    order.Add(target);
                }
            }
        }

        return [.. order];
    }

    // One class for each different column of the table [states, classes], and which one each old class becomes.
    private static (int[] Columns, int[] ColumnOf) DistinctColumns(int[] next, int classes)
    {
        int states = next.Length / classes;
        int[] columnOf = new int[classes]; // refined state by state: classes share a column as long as their entries agree
        Dictionary<(int Column, int Target), int> refined = [];
        for (int state = 0; state < states; state++)
        {
            refined.Clear();
            for (int c = 0; c < classes; c++)
            {
                (int, int) key = (columnOf[c], next[(state * classes) + c]);
                if (!refined.TryGetValue(key, out int column))
                {
                    refined[key] = column = refined.Count;
                }

                columnOf[c] = column;
            }

            if (refined.Count == classes)
            {
                break;
            }
        }

        int[] columns = [.. Enumerable.Range(0, columnOf.Max() + 1).Select(column => Array.IndexOf(columnOf, column))];
        return (columns, columnOf);
    }
}
