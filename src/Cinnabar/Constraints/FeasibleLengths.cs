// From which states which numbers of tokens lead to an accepting state:
//
//   R_0 = accepting states,   R_n = states with a successor in R_{n−1}
//
// With end tokens every number from MinTokens on is among them; without, only the lengths that texts have.
using System.Collections;

namespace Cinnabar.Constraints;

/// <summary>How many slots can be filled from a state on; immutable.</summary>
internal sealed class FeasibleLengths
{
    private readonly BitArray _feasible; // [most + 1, states]
    private readonly int _states;

    /// <summary>Looks at up to <paramref name="most"/> slots.</summary>
    /// <exception cref="CinnabarException">States times slots are too many.</exception>
    public FeasibleLengths(TokenAutomaton automaton, int most)
    {
        Most = most;
        _states = automaton.StateCount;
        long size = (most + 1L) * _states;
        if (size > Array.MaxLength)
        {
            throw new CinnabarException(
                $"Expected at most {Array.MaxLength} pairs of a state of the constraint and a position, found {_states} states "
                + $"and {most} positions.",
                "Shorten the hole or simplify the constraint.");
        }

        _feasible = new BitArray((int)size);
        for (int slots = 0; slots <= most; slots++)
        {
            for (int state = 0; state < _states; state++)
            {
                _feasible[(slots * _states) + state] =
                    slots == 0 ? automaton.Accepts(state) : AnyOf(automaton.Successors(state), slots - 1);
            }
        }
    }

    /// <summary>The largest number of slots that was looked at.</summary>
    public int Most { get; }

    /// <summary>Whether exactly <paramref name="slots"/> slots, at most <see cref="Most"/>, can be filled from a state on.</summary>
    public bool CanFinish(int state, int slots) => _feasible[(slots * _states) + state];

    private bool AnyOf(ReadOnlySpan<int> states, int slots)
    {
        foreach (int state in states)
        {
            if (CanFinish(state, slots))
            {
                return true;
            }
        }

        return false;
    }
}
