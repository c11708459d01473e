// The whole numbers that a number m divides, as an automaton over their digits: state r is the remainder of what was read,
//
//   r ─d─▶ (10 r + d) mod m,   accepting at r = 0
//
// behind an optional sign. From every remainder some digits lead to 0, so nothing needs trimming.
namespace Cinnabar.Constraints;

/// <summary>Multiples of a whole number.</summary>
internal static class DigitsModulo
{
    /// <summary>Largest divisor: the automaton has as many states.</summary>
    public const int MaxDivisor = 10_000;

    private const byte Minus = 10;
    private const byte Other = 11;

    /// <summary>The digits, at least one, of every multiple of a divisor, with or without a sign.</summary>
    public static RegexNode MultiplesOf(int divisor, CompilationBudget budget)
    {
        byte[] classOf = [.. Enumerable.Range(0, 256).Select(value => value switch
        {
            >= '0' and <= '9' => (byte)(value - '0'),
            '-' => Minus,
            _ => Other,
        })];
        ByteDfa dfa = new(classOf, budget);
        int start = dfa.AddState(accepts: false);
        int signed = dfa.AddState(accepts: false);
        int zero = dfa.AddState(accepts: true);
        for (int remainder = 1; remainder < divisor; remainder++)
        {
            dfa.AddState(accepts: false);
        }

        dfa.AddTransition(start, Minus, signed);
        for (byte digit = 0; digit < 10; digit++)
        {
            dfa.AddTransition(start, digit, zero + (digit % divisor));
            dfa.AddTransition(signed, digit, zero + (digit % divisor));
            for (int remainder = 0; remainder < divisor; remainder++)
            {
                dfa.AddTransition(zero + remainder, digit, zero + (((10 * remainder) + digit) % divisor));
            }
        }

        return new RegexNode.Automaton(DfaMinimizer.Minimize(dfa, budget));
    }
}
