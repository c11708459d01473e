using Cinnabar.Training;

namespace Cinnabar.Cli;

/// <summary>
/// Tells how training goes: one line rewritten in place on a terminal, cut to its width, a plain line every few seconds elsewhere;
/// measurements always get a line of their own.
/// </summary>
/// <param name="writer">Standard error.</param>
/// <param name="live">Whether a line can be rewritten in place.</param>
/// <param name="peakGigaflops">Of the machine; null: not known.</param>
/// <param name="width">Columns of the terminal; they may change meanwhile. Null: asked of the terminal.</param>
internal sealed class TrainingDisplay(TextWriter writer, bool live, double? peakGigaflops, Func<int>? width = null)
{
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(10);

    private DateTime _lastPlain = DateTime.MinValue;
    private int _liveWidth;

    public void Show(TrainingProgress p)
    {
        string line =
            $"step {p.Step}/{p.Steps}  {Left(p.Remaining)} left  loss {p.SmoothedLoss:F3}  lr {p.LearningRate:E1}  |g| {p.GradientNorm:F2}  "
            + $"{p.TokensPerSecond:N0} tok/s  {p.FlopsPerSecond / 1e9:F0} GFLOP/s{Share(p.FlopsPerSecond / 1e9)}  "
            + $"{p.Tokens / 1e6:F2} M tokens";
        bool important = p.HeldOutBitsPerByte is not null || p.Step == p.Steps;
        if (p.HeldOutBitsPerByte is double bits)
        {
            line += $"  held-out {bits:F3} bits/byte";
        }

        if (live)
        {
            // A line that fills the last column wraps, and what is rewritten then is its end alone.
            int most = Math.Max(1, (width?.Invoke() ?? Screen.Width) - 1);
            line = important || line.Length <= most ? line : line[..most];
            writer.Write("\r" + line.PadRight(Math.Min(_liveWidth, most)) + (important ? Environment.NewLine : ""));
            _liveWidth = important ? 0 : line.Length;
        }
        else if (important || DateTime.UtcNow - _lastPlain >= s_plainInterval)
        {
            writer.WriteLine(line);
            _lastPlain = DateTime.UtcNow;
        }
    }

    /// <summary>Leaves the live line.</summary>
    public void End()
    {
        if (_liveWidth > 0)
        {
            writer.WriteLine();
            _liveWidth = 0;
        }
    }

    private string Share(double gigaflops) => peakGigaflops is double peak ? $" = {gigaflops / peak:P0} of peak" : "";

    private static string Left(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours} h {time.Minutes} min" : $"{time.Minutes} min {time.Seconds} s";
}
