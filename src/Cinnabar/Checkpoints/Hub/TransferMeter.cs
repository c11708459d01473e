using System.Diagnostics;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Counts bytes as they arrive and tells a listener, ten times a second at most.</summary>
internal sealed class TransferMeter(long totalBytes, IProgress<HubProgress>? listener)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);

    // (time, bytes received until then), the oldest at most one window old.
    private readonly Queue<(TimeSpan Time, long Received)> _samples = new([(TimeSpan.Zero, 0)]);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _lastTold = -s_interval;
    private long _kept;

    /// <summary>Bytes that came over the network.</summary>
    public long Received { get; private set; }

    /// <summary>Counts bytes that were here already.</summary>
    public void Keep(string file, long bytes)
    {
        _kept += bytes;
        Tell(file, isWaiting: false);
    }

    /// <summary>Counts bytes that came over the network.</summary>
    public void Receive(string file, long bytes)
    {
        Received += bytes;
        TimeSpan now = _clock.Elapsed;
        if (now - _lastTold >= s_interval || _kept + Received >= totalBytes)
        {
            _samples.Enqueue((now, Received));
            while (now - _samples.Peek().Time > s_window)
            {
                _samples.Dequeue();
            }

            _lastTold = now;
            Tell(file, isWaiting: false);
        }
    }

    /// <summary>Takes back bytes that turned out to be useless: they will come again.</summary>
    public void Discard(long bytes) => _kept -= bytes;

    /// <summary>Tells that another program fetches a file.</summary>
    public void Wait(string file) => Tell(file, isWaiting: true);

    private void Tell(string file, bool isWaiting)
    {
        (TimeSpan since, long received) = _samples.Peek();
        double seconds = (_clock.Elapsed - since).TotalSeconds;
        double speed = seconds > 0 ? (Received - received) / seconds : 0;
        listener?.Report(new HubProgress(file, _kept + Received, totalBytes, speed, isWaiting));
    }
}
