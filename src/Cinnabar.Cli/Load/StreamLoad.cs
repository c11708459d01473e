// So many clients at once, each sending one request after the other. Throughput counts from the first request to the last answer, so it
// includes the beginning and the end, when fewer are in work.
using System.Diagnostics;
using System.Globalization;

namespace Cinnabar.Cli.Load;

/// <summary>What the clients experienced together.</summary>
/// <param name="Streams">Clients at once.</param>
/// <param name="Elapsed">From the first request to the last answer.</param>
/// <param name="Answers">All answers.</param>
internal sealed record StreamLoad(int Streams, TimeSpan Elapsed, IReadOnlyList<LoadAnswer> Answers)
{
    /// <summary>Titles of <see cref="Cells"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } =
    [
        "streams", "requests", "errors", "tokens/s", "first event, median", "99 %", "whole answer, median", "99 %",
    ];

    /// <summary>Answers without an error.</summary>
    public IEnumerable<LoadAnswer> Good => Answers.Where(answer => answer.Error is null);

    /// <summary>Answers with one.</summary>
    public int Errors => Answers.Count - Good.Count();

    /// <summary>Tokens written per second, all clients together.</summary>
    public double TokensPerSecond => Good.Sum(answer => answer.Tokens) / Elapsed.TotalSeconds;

    /// <summary>A row of a table.</summary>
    public string[] Cells =>
    [
        $"{Streams}", $"{Answers.Count}", $"{Errors}", Number(TokensPerSecond),
        Milliseconds(FirstEvent(0.5)), Milliseconds(FirstEvent(0.99)),
        Milliseconds(Quantile(answer => answer.Elapsed, 0.5)), Milliseconds(Quantile(answer => answer.Elapsed, 0.99)),
    ];

    /// <summary>Lets clients work.</summary>
    /// <param name="client">Talks to the server.</param>
    /// <param name="streams">Clients at once.</param>
    /// <param name="requests">Requests of each.</param>
    /// <param name="maxTokens">Length of each text.</param>
    /// <param name="cancellation">Stops all.</param>
    public static async Task<StreamLoad> RunAsync(
        LoadClient client, int streams, int requests, int maxTokens, CancellationToken cancellation)
    {
        Stopwatch time = Stopwatch.StartNew();
        LoadAnswer[][] answers = await Task.WhenAll(Enumerable.Range(0, streams).Select(async stream =>
        {
            List<LoadAnswer> own = [];
            for (int i = 0; i < requests; i++)
            {
                own.Add(await client.StreamAsync(client.Completion((stream * requests) + i, maxTokens), cancellation));
            }

            return own.ToArray();
        }));
        return new StreamLoad(streams, time.Elapsed, [.. answers.SelectMany(own => own)]);
    }

    /// <summary>A quantile of the time to the first event.</summary>
    public TimeSpan FirstEvent(double share) => Quantile(answer => answer.FirstEvent, share);

    private TimeSpan Quantile(Func<LoadAnswer, TimeSpan> of, double share)
    {
        TimeSpan[] sorted = [.. Good.Select(of).Order()];
        return sorted.Length == 0 ? TimeSpan.Zero : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
    }

    private static string Milliseconds(TimeSpan time) => $"{Number(time.TotalMilliseconds)} ms";

    private static string Number(double value) => value.ToString(value < 10 ? "F1" : "F0", CultureInfo.InvariantCulture);
}
