using System.Globalization;
using Cinnabar.Checkpoints.Hub;
using Spectre.Console;

namespace Cinnabar.Cli;

/// <summary>
/// Shows how far a download is, with percent, size, speed and time left: a bar redrawn in place on a terminal, a plain line every few
/// seconds elsewhere.
/// </summary>
internal static class PullDisplay
{
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(5);

    /// <summary>Runs a download under a display.</summary>
    public static async Task<HubSnapshot> ShowAsync(
        Screen screen, TextWriter writer, Func<IProgress<HubProgress>, Task<HubSnapshot>> download)
    {
        if (!screen.Live)
        {
            return await download(new PlainLines(writer));
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            ColorSystem = screen.Colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        return await console.Progress()
            .AutoClear(true)
            .Columns(
                new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(context => download(new Bar(context.AddTask("asking the hub", maxValue: 1))));
    }

    /// <summary>A size for people, e.g. "1.24 GB".</summary>
    internal static string Size(double bytes) => bytes switch
    {
        < 1e3 => string.Create(CultureInfo.InvariantCulture, $"{bytes:F0} B"),
        < 1e6 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F1} kB"),
        < 1e9 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2} GB"),
    };

    /// <summary>Everything but the percentage.</summary>
    internal static string Describe(HubProgress progress)
    {
        string sizes = $"{Size(progress.Bytes)} of {Size(progress.TotalBytes)}";
        string file = TerminalText.Safe(progress.File);
        if (progress.IsWaiting)
        {
            return $"{sizes}  waiting for another program that fetches {file}";
        }

        string left = progress.Remaining is TimeSpan time ? $"{Left(time)} left" : "waiting for data";
        return $"{sizes}  {Size(progress.BytesPerSecond)}/s  {left}  {file}";
    }

    /// <summary>Whole percents, 100 only when everything is there.</summary>
    internal static int Percent(HubProgress progress) =>
        progress.TotalBytes == 0 ? 100 : (int)(100.0 * progress.Bytes / progress.TotalBytes);

    private static string Left(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours} h {time.Minutes} min"
        : time.TotalMinutes >= 1 ? $"{time.Minutes} min {time.Seconds} s"
        : $"{time.Seconds} s";

    private sealed class Bar(ProgressTask task) : IProgress<HubProgress>
    {
        public void Report(HubProgress value)
        {
            task.MaxValue = Math.Max(1, value.TotalBytes);
            task.Value = value.TotalBytes == 0 ? 1 : value.Bytes;
            task.Description = Markup.Escape(Describe(value));
        }
    }

    private sealed class PlainLines(TextWriter writer) : IProgress<HubProgress>
    {
        private DateTime _last = DateTime.UtcNow;
        private bool _isWaiting;

        public void Report(HubProgress value)
        {
            if (DateTime.UtcNow - _last >= s_plainInterval || (value.IsWaiting && !_isWaiting))
            {
                _last = DateTime.UtcNow;
                _isWaiting = value.IsWaiting;
                writer.WriteLine($"{Percent(value)} %  {Describe(value)}");
            }
        }
    }
}
