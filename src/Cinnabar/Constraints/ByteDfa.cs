// A deterministic automaton while it is being made: transitions as a list, since most states have few, in the order of the states they
// leave. Begins at state 0.
namespace Cinnabar.Constraints;

/// <summary>States and transitions of a deterministic automaton in the making.</summary>
/// <param name="classOf">[256], class of each byte.</param>
/// <param name="budget">What it may cost.</param>
internal sealed class ByteDfa(byte[] classOf, CompilationBudget budget)
{
    private readonly List<bool> _accepts = [];
    private readonly List<Transition> _transitions = [];

    /// <summary>On a byte of the class, from one state to another.</summary>
    internal readonly record struct Transition(int From, byte Class, int To);

    /// <summary>[256], class of each byte.</summary>
    public byte[] ClassOf => classOf;

    /// <summary>Whether a text may end at a state.</summary>
    public IReadOnlyList<bool> Accepts => _accepts;

    /// <summary>The transitions.</summary>
    public IReadOnlyList<Transition> Transitions => _transitions;

    /// <summary>A new state; gives its number.</summary>
    public int AddState(bool accepts)
    {
        budget.Spend(1);
        budget.Check(_accepts.Count + 1L, CompilationBudget.MaxStates, "states");
        _accepts.Add(accepts);
        return _accepts.Count - 1;
    }

    /// <summary>A new transition.</summary>
    public void AddTransition(int from, byte onClass, int to)
    {
        budget.Spend(1);
        budget.Check(_transitions.Count + 1L, CompilationBudget.MaxTransitions, "transitions");
        _transitions.Add(new Transition(from, onClass, to));
    }

    /// <summary>Without the states from which no text ends; null if the first is one of them.</summary>
    public ByteDfa? Trimmed()
    {
        int count = _accepts.Count;
        budget.Spend(count + _transitions.Count);
        ILookup<int, int> sources = _transitions.ToLookup(transition => transition.To, transition => transition.From);
        bool[] alive = [.. _accepts];
        Stack<int> open = new(Enumerable.Range(0, count).Where(state => alive[state]));
        while (open.TryPop(out int state))
        {
            foreach (int source in sources[state].Where(source => !alive[source]))
            {
                alive[source] = true;
                open.Push(source);
            }
        }

        if (!alive[0])
        {
            return null;
        }

        ByteDfa trimmed = new(classOf, budget);
        int[] number =
        [
            .. Enumerable.Range(0, count).Select(state => alive[state] ? trimmed.AddState(_accepts[state]) : ByteAutomaton.Dead),
        ];
        foreach (Transition transition in _transitions.Where(transition => alive[transition.From] && alive[transition.To]))
        {
            trimmed.AddTransition(number[transition.From], transition.Class, number[transition.To]);
        }

        return trimmed;
    }
}
