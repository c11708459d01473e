using System.Diagnostics;

namespace Cinnabar.Cli;

/// <summary>Tells on standard error how far an evaluation or a text is: nothing for two seconds, then a line every ten.</summary>
internal sealed class EvaluationProgress(string what, string items, int total)
{
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _time = Stopwatch.StartNew();
    private TimeSpan _next = s_quiet;

    /// <summary>Told how many items are done.</summary>
    public void Show(int done)
    {
        TimeSpan elapsed = _time.Elapsed;
        if (elapsed >= _next && done > 0 && done < total)
        {
            _next = elapsed + s_interval;
            double left = (total - done) * elapsed.TotalSeconds / done;
            Console.Error.WriteLine($"{what}: {done:N0} of {total:N0} {items}, about {left:F0} s left");
        }
    }
}
