namespace Cinnabar.Constraints;

/// <summary>
/// Edges (q, class, q′) by their source, ascending by class: compressed rows, filled by adding every edge twice, class by class.
/// </summary>
internal sealed class TokenEdges
{
    private readonly int[] _first; // [states + 1], into the two below
    private readonly int[] _filled; // by state
    private int[] _classes = [];
    private int[] _targets = [];
    private bool _counted;

    /// <summary>Begins to count.</summary>
    public TokenEdges(int stateCount)
    {
        _first = new int[stateCount + 1];
        _filled = new int[stateCount];
    }

    /// <summary>Number of states.</summary>
    public int StateCount => _filled.Length;

    /// <summary>Number of edges.</summary>
    public int Count => _classes.Length;

    /// <summary>The classes of tokens that lead on from a state, ascending.</summary>
    public ReadOnlySpan<int> Classes(int state) => _classes.AsSpan(_first[state].._first[state + 1]);

    /// <summary>Where they lead.</summary>
    public ReadOnlySpan<int> Targets(int state) => _targets.AsSpan(_first[state].._first[state + 1]);

    /// <summary>Where a class leads from a state, or <see cref="ByteAutomaton.Dead"/>.</summary>
    public int Target(int state, int tokenClass)
    {
        int place = Classes(state).BinarySearch(tokenClass);
        return place >= 0 ? Targets(state)[place] : ByteAutomaton.Dead;
    }

    /// <summary>Counts an edge, or in the second pass puts it into its row.</summary>
    public void Add(int source, int tokenClass, int target)
    {
        int place = _first[source] + _filled[source]++;
        if (_counted)
        {
            (_classes[place], _targets[place]) = (tokenClass, target);
        }
    }

    /// <summary>Ends a pass.</summary>
    /// <exception cref="CinnabarException">The edges are too many.</exception>
    public void EndPass()
    {
        if (!_counted)
        {
            StateMaps.CheckPairs(_filled.Sum(count => (long)count));
            for (int state = 0; state < _filled.Length; state++)
            {
                _first[state + 1] = _first[state] + _filled[state];
            }

            (_classes, _targets) = (new int[_first[^1]], new int[_first[^1]]);
            Array.Clear(_filled);
        }

        _counted = true;
    }
}
