// Ctrl-C and SIGTERM. The first asks the command to stop: it finishes its step and may write a checkpoint. What is blocked, or knows no
// stopping, ends with the second, which ends the process at once.
using System.Runtime.InteropServices;

namespace Cinnabar.Cli;

/// <summary>Hears the signals that are to end the process, until disposed.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new(); // never disposed: a signal may come at any moment
    private readonly Action<int> _exit;
    private readonly PosixSignalRegistration[] _registrations;
    private int _signals;

    /// <summary>Begins to listen.</summary>
    /// <param name="exit">Ends the process with an exit code.</param>
    public StopSignals(Action<int> exit)
    {
        _exit = exit;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    /// <summary>Told every signal, each on a thread of its own.</summary>
    internal void Handle(PosixSignalContext context)
    {
        context.Cancel = true; // what the system would do is end the process
        if (Interlocked.Increment(ref _signals) > 1)
        {
            _exit(CommandRunner.Cancelled);
        }
        else
        {
            _stop.Cancel();
        }
    }
}
