using System.Diagnostics;
using Cinnabar.Checkpoints;

namespace Cinnabar.Cli;

/// <summary>
/// Tells on standard error how far the loading or writing of a model is: nothing for two seconds, then a line that is redrawn on a
/// terminal, or a new one every ten seconds elsewhere. Stops the work when cancelled.
/// </summary>
internal sealed class LoadDisplay(TextWriter writer, Screen screen, CancellationToken cancellation)
    : IProgress<LoadProgress>, IProgress<WritingProgress>, IDisposable
{
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_redraw = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _time = Stopwatch.StartNew();
    private TimeSpan _next = s_quiet;
    private bool _isDrawn;

    /// <summary>Called after every weight.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Report(LoadProgress value) => Show("loading", value.Read, value.All, "M weights");

    /// <summary>Called after every tensor.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the writer removes what it wrote and passes this on.</exception>
    public void Report(WritingProgress value) => Show("writing", value.Done, value.Total, "MB");

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        if (_isDrawn)
        {
            writer.Write("\r\e[K");
            writer.Flush();
        }
    }

    private void Show(string verb, long done, long total, string unit)
    {
        cancellation.ThrowIfCancellationRequested();
        TimeSpan elapsed = _time.Elapsed;
        if (elapsed < _next)
        {
            return;
        }

        _next = elapsed + (screen.Live ? s_redraw : s_plainInterval);
        double part = done / (double)Math.Max(1, total);
        double left = elapsed.TotalSeconds * (1 - part) / Math.Max(part, 1e-3);
        string line = $"{verb}: {100 * part:F0} % of {total / 1e6:N0} {unit}, about {Math.Max(0, left):F0} s left";
        writer.Write(screen.Live ? $"\r{line}\e[K" : line + "\n");
        writer.Flush();
        _isDrawn = screen.Live;
    }
}
