namespace Cinnabar.Proofreading;

/// <summary>A text that is being proofread, pass after pass.</summary>
public sealed class ProofreadingRun
{
    private readonly IEnumerator<double> _passes;
    private readonly Func<ProofreadText> _result;
    private bool _isDone;
    private Exception? _failure; // an enumerator that threw says afterwards that it is at its end

    internal ProofreadingRun(IEnumerable<double> passes, Func<ProofreadText> result)
    {
        _passes = passes.GetEnumerator();
        _result = result;
    }

    /// <summary>The share that is done, 0 … 1.</summary>
    public double Progress { get; private set; }

    /// <summary>What was found.</summary>
    /// <exception cref="InvalidOperationException">The run is not over, or a step failed.</exception>
    public ProofreadText Result =>
        _isDone ? _result() : throw new InvalidOperationException("Expected Step to have returned false before Result is read.");

    /// <summary>Makes one pass through the network.</summary>
    /// <returns>False: nothing is left to do.</returns>
    /// <exception cref="InvalidOperationException">An earlier step failed, with the inner exception.</exception>
    public bool Step()
    {
        if (_failure is not null)
        {
            throw new InvalidOperationException("Expected a run none of whose steps failed: begin another one.", _failure);
        }

        try
        {
            _isDone = _isDone || !_passes.MoveNext();
        }
        catch (Exception failure)
        {
            _failure = failure;
            throw;
        }

        Progress = _isDone ? 1 : _passes.Current;
        return !_isDone;
    }
}
