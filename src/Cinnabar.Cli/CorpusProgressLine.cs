using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli;

/// <summary>
/// Tells how far a corpus is: one line rewritten in place on a terminal, a plain line every few seconds elsewhere. Stops the work when
/// cancelled.
/// </summary>
internal sealed class CorpusProgressLine(TextWriter writer, bool live, CancellationToken cancellation)
    : IProgress<CorpusProgress>, IDisposable
{
    private static readonly TimeSpan s_liveInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private DateTime _last = DateTime.UtcNow;
    private int _width;

    /// <summary>Called on any thread.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the builder removes what it wrote and passes this on.</exception>
    public void Report(CorpusProgress value)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (DateTime.UtcNow - _last < (live ? s_liveInterval : s_plainInterval))
            {
                return;
            }

            _last = DateTime.UtcNow;
            string line = $"{value.Stage}: {value.Done:N0} of {value.Total:N0}";
            writer.Write(live ? "\r" + line.PadRight(_width) : line + Environment.NewLine);
            _width = line.Length;
        }
    }

    public void Dispose()
    {
        if (live && _width > 0)
        {
            writer.Write("\r" + new string(' ', _width) + "\r");
            _width = 0;
        }
    }
}
