namespace Cinnabar.Constraints;

/// <summary>One allowed text over the slots of a hole: a workspace to be filled again and again.</summary>
internal sealed class ConstrainedPath
{
    private int[] _tokens = [];
    private int[] _states = [];
    private int _length;

    /// <summary>The token of every slot [L].</summary>
    public Span<int> Tokens => _tokens.AsSpan(0, _length);

    /// <summary>
    /// The states of the automaton between them [L + 1]. Any token of slot i may be replaced by one that leads from state i to state i + 1
    /// (<see cref="TokenAutomaton.Next"/>).
    /// </summary>
    public Span<int> States => _states.AsSpan(0, _length + 1);

    /// <summary>Makes room for a number of slots.</summary>
    public void Begin(int length)
    {
        if (_states.Length < length + 1)
        {
            (_tokens, _states) = (new int[length], new int[length + 1]);
        }

        _length = length;
    }
}
