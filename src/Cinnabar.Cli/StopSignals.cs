// Ctrl-C and SIGTERM. The first asks the command to stop: it finishes its step and may write a checkpoint. What is blocked, or knows no
// stopping, ends with the second, which ends the process at once. Two within a second are one that came twice, as from programs that send
// a signal to the process and to its group.
using System.Runtime.InteropServices;

namespace Cinnabar.Cli;

/// <summary>Hears the signals that are to end the process, until disposed.</summary>
internal sealed class StopSignals : IDisposable
{
    private static readonly TimeSpan s_same = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new(); // never disposed: a signal may come at any moment
    private readonly ManualResetEventSlim _ended = new(); // nor is this
    private readonly Action<int> _exit;
    private readonly PosixSignalRegistration[] _registrations;
    private readonly TimeProvider _clock;
    private long _first; // when the first signal came; 0: none yet

    /// <summary>Begins to listen.</summary>
    /// <param name="exit">Ends the process with an exit code.</param>
    /// <param name="clock">Tells the time; null: the system's.</param>
    public StopSignals(Action<int> exit, TimeProvider? clock = null)
    {
        _exit = exit;
        _clock = clock ?? TimeProvider.System;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        _ended.Set();
        Array.ForEach(_registrations, registration => registration.Dispose());
    }

    /// <summary>Told every signal, each on a thread of its own.</summary>
    internal void Handle(PosixSignalContext context)
    {
        context.Cancel = true; // what the system would do is end the process
        long first = Interlocked.CompareExchange(ref _first, Math.Max(1, _clock.GetTimestamp()), 0);
        if (first != 0)
        {
            if (_clock.GetElapsedTime(first) >= s_same)
            {
                _exit(CommandRunner.Cancelled);
            }

            return;
        }

        _stop.Cancel();
        if (OperatingSystem.IsWindows() && context.Signal == PosixSignal.SIGTERM)
        {
            _ended.Wait(); // Windows ends the process when this returns
        }
    }
}
