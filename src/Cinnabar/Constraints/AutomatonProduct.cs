// The texts that both of two automata accept: states are pairs, (p, q) ─b─▶ (δ₁(p, b), δ₂(q, b)) where neither is dead, accepting where
// both are. Only pairs that some text reaches are made.
namespace Cinnabar.Constraints;

/// <summary>The intersection of two automata.</summary>
internal static class AutomatonProduct
{
    private static readonly byte[] s_everyByte = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];

    /// <summary>The minimal automaton of the intersection; null where it is empty.</summary>
    /// <exception cref="CinnabarException">It would be too large.</exception>
    public static ByteAutomaton? Intersect(ByteAutomaton a, ByteAutomaton b, CompilationBudget budget)
    {
        ByteDfa product = new(s_everyByte, budget);
        List<(int A, int B)> pairs = [];
        Dictionary<(int, int), int> numbers = [];
        Number(a.Start, b.Start);
        for (int state = 0; state < pairs.Count; state++)
        {
            budget.Spend(16); // 256 bytes, most of them dead in the smaller automaton
            (int inA, int inB) = pairs[state];
            foreach (byte value in s_everyByte)
            {
                int nextA = a.Next(inA, value);
                int nextB = nextA == ByteAutomaton.Dead ? ByteAutomaton.Dead : b.Next(inB, value);
                if (nextB != ByteAutomaton.Dead)
                {
                    product.AddTransition(state, value, Number(nextA, nextB));
                }
            }
        }

        return product.Trimmed() is ByteDfa trimmed ? DfaMinimizer.Minimize(trimmed, budget) : null;

        int Number(int inA, int inB)
        {
            if (!numbers.TryGetValue((inA, inB), out int number))
            {
                numbers[(inA, inB)] = number = product.AddState(a.Accepts(inA) && b.Accepts(inB));
                pairs.Add((inA, inB));
            }

            return number;
        }
    }
}
