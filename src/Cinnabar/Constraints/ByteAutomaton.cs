// A deterministic automaton over bytes: which byte strings a constraint allows.
//
//   δ : states × bytes → states ∪ {Dead},  a string is accepted if it leads from Start to an accepting state
//
// Bytes that no state tells apart are one class, so that the table is [states, classes] instead of [states, 256]. The automaton is
// minimal and trimmed: every state can be reached from the start, and from every state an accepting one can be reached, so a path that
// is not dead can always be finished. Texts are UTF-8, and states may lie inside a character.
namespace Cinnabar.Constraints;

/// <summary>A deterministic, minimal, trimmed automaton over bytes; immutable.</summary>
internal sealed class ByteAutomaton
{
    /// <summary>Where no accepted string goes.</summary>
    public const int Dead = -1;

    private readonly byte[] _classOf;
    private readonly int[] _next;
    private readonly bool[] _accepts;

    /// <summary>Takes the tables of an automaton that is minimal and trimmed.</summary>
    /// <param name="start">First state.</param>
    /// <param name="accepts">[states].</param>
    /// <param name="classOf">[256], class of each byte.</param>
    /// <param name="classes">Number of classes, 1 … 256.</param>
    /// <param name="next">[states, classes], <see cref="Dead"/> where there is no way.</param>
    public ByteAutomaton(int start, bool[] accepts, byte[] classOf, int classes, int[] next)
    {
        (Start, _accepts, _classOf, Classes, _next) = (start, accepts, classOf, classes, next);
    }

    /// <summary>First state.</summary>
    public int Start { get; }

    /// <summary>Number of states, at least 1.</summary>
    public int StateCount => _accepts.Length;

    /// <summary>Number of byte classes.</summary>
    public int Classes { get; }

    /// <summary>Whether a string may end here.</summary>
    public bool Accepts(int state) => _accepts[state];

    /// <summary>The state behind a byte, or <see cref="Dead"/>.</summary>
    public int Next(int state, byte value) => _next[(state * Classes) + _classOf[value]];

    /// <summary>Whether the whole of <paramref name="text"/> is accepted.</summary>
    public bool Matches(ReadOnlySpan<byte> text)
    {
        int state = Start;
        foreach (byte value in text)
        {
            state = Next(state, value);
            if (state == Dead)
            {
                return false;
            }
        }

        return Accepts(state);
    }
}
