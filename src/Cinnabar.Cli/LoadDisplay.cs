using System.Diagnostics;

namespace Cinnabar.Cli;

/// <summary>
/// Tells on standard error how far the loading of a model is: nothing for two seconds, then a line that is redrawn on a terminal, or a new
/// one every ten seconds elsewhere.
/// </summary>
internal sealed class LoadDisplay(TextWriter writer, Screen screen) : IProgress<LoadProgress>, IDisposable
{
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_redraw = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _time = Stopwatch.StartNew();
    private TimeSpan _next = s_quiet;
    private bool _isDrawn;

    /// <inheritdoc/>
    public void Report(LoadProgress value)
    {
        TimeSpan elapsed = _time.Elapsed;
        if (elapsed < _next)
        {
            return;
        }

        _next = elapsed + (screen.Live ? s_redraw : s_plainInterval);
        double part = value.Read / (double)Math.Max(1, value.All);
        double left = elapsed.TotalSeconds * (1 - part) / Math.Max(part, 1e-3);
        string line = $"loading: {100 * part:F0} % of {value.All / 1e6:N0} M weights, about {Math.Max(0, left):F0} s left";
        writer.Write(screen.Live ? $"\r{line}\e[K" : line + "\n");
        writer.Flush();
        _isDrawn = screen.Live;
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        if (_isDrawn)
        {
            writer.Write("\r\e[K");
            writer.Flush();
        }
    }
}
