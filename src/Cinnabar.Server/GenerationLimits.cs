namespace Cinnabar.Server;

/// <summary>How much time a request may take.</summary>
public sealed record GenerationLimits
{
    /// <summary>Time from the request to its answer; then it is given up. Default 10 minutes.</summary>
    public TimeSpan WallTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A stream that has had nothing to say for so long sends a comment, so that nobody thinks it dead. Default 15 s.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A client that takes nothing for so long is dropped. Default 30 s.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
