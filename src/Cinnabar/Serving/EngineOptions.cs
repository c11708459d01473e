namespace Cinnabar.Serving;

/// <summary>How many texts an engine works on.</summary>
public sealed record EngineOptions
{
    /// <summary>Canvases denoised together, 1 … 4096.</summary>
    public int MaxRunning { get; init; } = 64;

    /// <summary>Canvases that wait for their turn, 0 … 65,536; further ones are refused.</summary>
    public int MaxWaiting { get; init; } = 64;

    /// <summary>Throws if a number is out of range.</summary>
    /// <exception cref="CinnabarException">It names the option, the range and the number.</exception>
    public void Validate()
    {
        Check(MaxRunning is >= 1 and <= 4096, nameof(MaxRunning), "1 … 4096", MaxRunning);
        Check(MaxWaiting is >= 0 and <= 65_536, nameof(MaxWaiting), "0 … 65536", MaxWaiting);
    }

    private static void Check(bool holds, string option, string range, int found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the option {option} to be {range}, found {found}.", $"Change {option}.");
        }
    }
}

/// <summary>What an engine is doing, and has done since it started.</summary>
/// <param name="Running">Canvases being denoised.</param>
/// <param name="Waiting">Canvases that wait.</param>
/// <param name="Finished">Texts finished.</param>
/// <param name="Cancelled">Texts given up by those who wanted them.</param>
/// <param name="Failed">Texts that could not be finished.</param>
/// <param name="Refused">Texts refused because too many waited.</param>
/// <param name="Steps">Steps taken, summed over canvases.</param>
/// <param name="ForwardPasses">Passes through the network, summed over canvases; shared ones count for each.</param>
/// <param name="NewTokens">Tokens written into holes of finished texts.</param>
public readonly record struct EngineStatus(
    int Running, int Waiting, long Finished, long Cancelled, long Failed, long Refused, long Steps, long ForwardPasses, long NewTokens);

/// <summary>Too many texts wait for an engine already, or it has been stopped.</summary>
/// <param name="message">One sentence for people.</param>
/// <param name="isStopped">Whether the engine takes nothing any more.</param>
public sealed class EngineBusyException(string message, bool isStopped) : Exception(message)
{
    /// <summary>Whether the engine takes nothing any more, so that trying again does not help.</summary>
    public bool IsStopped => isStopped;
}
