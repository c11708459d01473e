// What compiling one constraint may cost. Constraints come from strangers, and a short one can stand for an automaton of any size
// (the minimal automaton of .*a.{30} has 2^31 states). So every stage pays for its steps from one purse: reading a schema, adding states
// to an NFA, walking sets of states, products, minimising. A step is some tens of nanoseconds, the whole purse a fraction of a second.
using System.Globalization;

namespace Cinnabar.Constraints;

/// <summary>Counts the steps of compiling one constraint and ends it when they are too many.</summary>
/// <param name="subject">What is compiled, as messages begin.</param>
internal sealed class CompilationBudget(string subject)
{
    /// <summary>Most states of a nondeterministic automaton.</summary>
    public const int MaxNfaStates = 1 << 18;

    /// <summary>Most states of a deterministic automaton.</summary>
    public const int MaxStates = 1 << 16;

    /// <summary>Most transitions of a deterministic automaton.</summary>
    public const int MaxTransitions = 1 << 20;

    /// <summary>Most entries, states × byte classes, of the finished table (16 MiB).</summary>
    public const int MaxTableEntries = 1 << 22;

    private long _steps = 6_000_000;

    /// <summary>Pays for some steps.</summary>
    /// <exception cref="CinnabarException">There are none left.</exception>
    public void Spend(long steps)
    {
        _steps -= steps;
        if (_steps < 0)
        {
            throw TooLarge("a constraint that compiles in a fraction of a second", "one that takes longer");
        }
    }

    /// <summary>Refuses a part that has grown too large.</summary>
    /// <exception cref="CinnabarException">There are more than <paramref name="most"/>.</exception>
    public void Check(long found, int most, string unit)
    {
        if (found > most)
        {
            throw TooLarge(string.Create(CultureInfo.InvariantCulture, $"an automaton of at most {most:N0} {unit}"), "more");
        }
    }

    private CinnabarException TooLarge(string expected, string found) => new(
        $"{subject}: expected {expected}, found {found}.",
        "Lower its counts and lengths ({n,m}, maxLength, maxItems), its alternatives or the recursion of $ref.")
    {
        IsTooLarge = true,
    };
}
