using Cinnabar.Numerics;
using Microsoft.Extensions.Hosting;

namespace Cinnabar.Server.Hosting;

/// <summary>
/// Whether the server takes work. When the host stops: at once no more, /health says so, and what is in work has
/// <see cref="ServerOptions.StopWithin"/>, while Kestrel still answers; only then does the host close connections.
/// </summary>
/// <param name="options">How long work may go on.</param>
/// <param name="models">Their engines are stopped.</param>
internal sealed class ServerState(ServerOptions options, ServedModels models) : IHostedLifecycleService
{
    /// <summary>Time for connections to close after the work has ended.</summary>
    public static readonly TimeSpan ConnectionsCloseWithin = TimeSpan.FromSeconds(3);

    private volatile bool _isStopping;

    /// <summary>Whether it takes none any more.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>Whether the device of a model failed for good: only a new process can use it again.</summary>
    public bool IsLost => models.All.Any(model => model.Engine.Lost is not null);

    /// <summary>What a request is told that a device did not do, as one without room for it.</summary>
    public static ApiException Failed(DeviceException error) => new(503, "unavailable_error", error.InWords);

    /// <summary>What a request is told when the server takes none any more.</summary>
    public static ApiException Stopping() => new(
        503, "unavailable_error", "Expected a running server, found it stopping. Try again once it has been started again.");

    /// <inheritdoc/>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _isStopping = true;
        return Task.WhenAll(models.All.Select(model => model.Engine.StopAsync(options.StopWithin)));
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
