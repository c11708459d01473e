// The texts that both of two automata accept: states are pairs, (p, q) ─b─▶ (δ₁(p, b), δ₂(q, b)) where neither is dead, accepting where
// both are. Only pairs that some text reaches are made.
namespace Cinnabar.Constraints;

/// <summary>The intersection of two automata.</summary>
internal static class AutomatonProduct
{
    private const int StepsOfPair = 16; // 256 bytes, most of them dead in the smaller automaton

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
            budget.Spend(StepsOfPair);
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

    /// <summary>A shortest text that both accept; null where there is none.</summary>
    /// <exception cref="CinnabarException">Finding one would take too long.</exception>
    public static byte[]? CommonText(ByteAutomaton a, ByteAutomaton b, CompilationBudget budget)
    {
        // The way to each pair: the pair before it, and the byte behind that.
        List<(int A, int B, int Before, byte Value)> pairs = [(a.Start, b.Start, -1, 0)];
        HashSet<(int, int)> seen = [(a.Start, b.Start)];
        for (int i = 0; i < pairs.Count; i++)
        {
            budget.Spend(StepsOfPair);
            (int inA, int inB, _, _) = pairs[i];
            if (a.Accepts(inA) && b.Accepts(inB))
            {
                return WayTo(i);
            }

            foreach (byte value in s_everyByte)
            {
                int nextA = a.Next(inA, value);
                int nextB = nextA == ByteAutomaton.Dead ? ByteAutomaton.Dead : b.Next(inB, value);
                if (nextB != ByteAutomaton.Dead && seen.Add((nextA, nextB)))
                {
                    pairs.Add((nextA, nextB, i, value));
                }
            }
        }

        return null;

        byte[] WayTo(int pair)
        {
            List<byte> text = [];
            for (; pairs[pair].Before >= 0; pair = pairs[pair].Before)
            {
                text.Add(pairs[pair].Value);
            }

            text.Reverse();
            return [.. text];
        }
    }
}
