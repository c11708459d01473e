namespace Cinnabar.Checkpoints.Hub;

/// <summary>A failure that may pass: a cut connection, a busy server.</summary>
/// <param name="problem">What happened, without a full stop.</param>
/// <param name="wait">How long the server asked to wait.</param>
/// <param name="inner">The cause.</param>
internal sealed class HubInterruption(string problem, TimeSpan? wait = null, Exception? inner = null) : Exception(problem, inner)
{
    /// <summary>How long the server asked to wait; null: it did not say.</summary>
    public TimeSpan? Wait { get; } = wait;
}
