// What the server tells on standard error: a line for each request, and defects. Never text of prompts, keys or queries: a request is its
// method, its path as it was sent, and numbers.
//
//   2026-11-25T19:31:02Z POST /v1/completions 200 812 ms 43 tokens 12 passes
using System.Globalization;
using System.Text;

namespace Cinnabar.Server.Hosting;

/// <summary>Writes the log. Thread-safe.</summary>
/// <param name="writer">Where to.</param>
/// <param name="options">Whether requests are logged.</param>
/// <param name="time">The clock.</param>
internal sealed class ServerLog(TextWriter writer, ServerOptions options, TimeProvider time)
{
    private const int LongestPath = 100;

    private readonly TextWriter _writer = TextWriter.Synchronized(writer);

    /// <summary>A finished request.</summary>
    public void Request(string method, string target, int status, TimeSpan elapsed, RequestWork work)
    {
        if (options.LogsRequests)
        {
            string cost = work.Passes > 0 ? $" {work.Tokens} tokens {work.Passes} passes" : "";
            Write($"{Shown(method)} {Shown(PathOf(target))} {status} {elapsed.TotalMilliseconds:F0} ms{cost}");
        }
    }

    /// <summary>A defect, under an id that the client is told.</summary>
    /// <returns>What to tell it.</returns>
    public ApiException Defect(Exception error)
    {
        string id = Guid.NewGuid().ToString("N")[..12];
        Defect(id, error);
        return new ApiException(
            500, "server_error", $"Expected an answer, found a defect of the server. Its log tells more under {id}: report that.");
    }

    /// <summary>A defect. Messages of exceptions may quote a prompt and are left out.</summary>
    public void Defect(string id, Exception error)
    {
        StringBuilder text = new($"defect {id}:");
        for (Exception? at = error; at is not null; at = at.InnerException)
        {
            text.Append(CultureInfo.InvariantCulture, $" {at.GetType().FullName}\n{at.StackTrace}");
        }

        Write(text.ToString());
    }

    private void Write(string line) =>
        _writer.WriteLine($"{time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)} {line}");

    private static string PathOf(string target) => target.Split('?', 2)[0];

    // A terminal obeys what it is sent.
    private static string Shown(string text)
    {
        string printable = string.Concat(text.Take(LongestPath).Select(c => c is > ' ' and <= '~' ? c : '?'));
        return text.Length > LongestPath ? printable + "…" : printable;
    }
}
