// Requests as clients of OpenAI's completions send them, and what they experience. Nothing in here knows which server answers.
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cinnabar.Cli.Load;

/// <summary>What a client experienced.</summary>
/// <param name="FirstEvent">Time to the first event of the stream.</param>
/// <param name="Elapsed">Time to the end of the answer.</param>
/// <param name="Tokens">Tokens written, as the server counts them.</param>
/// <param name="Text">The text, its pieces joined.</param>
/// <param name="Error">What went wrong; null: nothing.</param>
internal sealed record LoadAnswer(TimeSpan FirstEvent, TimeSpan Elapsed, int Tokens, string Text, string? Error);

/// <summary>Talks to one server; thread-safe.</summary>
internal sealed class LoadClient : IDisposable
{
    private const int LongestMessage = 1000;

    private static readonly string[] s_prompts =
    [
        "public static int Max(int a, int b)\n{\n    ",
        "using System;\n\nnamespace Sample\n{\n    public class Stack<T>\n    {\n        ",
        "    /// <summary>Returns the number of items.</summary>\n    public int Count ",
        "        [Fact]\n        public void Add_Null_Throws()\n        {\n            ",
        "            for (int i = 0; i < length; i++)\n            {\n                ",
        "        private readonly Dictionary<string, object> _values = new ",
        "            if (string.IsNullOrEmpty(name))\n            {\n                throw ",
        "        public override string ToString()\n        {\n            return ",
    ];

    private readonly HttpClient _http;
    private readonly JsonObject _fields;

    /// <summary>A client.</summary>
    /// <param name="url">Base address of the server, without /v1.</param>
    /// <param name="fields">Further fields of all requests for texts.</param>
    /// <param name="key">API key; null: none.</param>
    public LoadClient(Uri url, JsonObject fields, string? key)
    {
        _fields = fields;
        _http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) };
        _http.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>A request for a text, every second one with text behind the hole.</summary>
    /// <param name="number">Chooses the prompt and the seed.</param>
    /// <param name="maxTokens">Length of the canvas.</param>
    public JsonObject Completion(int number, int maxTokens)
    {
        JsonObject body = new()
        {
            ["prompt"] = s_prompts[number % s_prompts.Length],
            ["max_tokens"] = maxTokens,
            ["seed"] = number,
            ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        };
        if (number / s_prompts.Length % 2 == 1)
        {
            body["suffix"] = "\n        }\n";
        }

        foreach ((string name, JsonNode? value) in _fields)
        {
            body[name] = value?.DeepClone();
        }

        return body;
    }

    /// <summary>Sends a streaming request and reads its answer to the end.</summary>
    public async Task<LoadAnswer> StreamAsync(JsonObject body, CancellationToken cancellation = default)
    {
        Stopwatch time = Stopwatch.StartNew();
        TimeSpan first = TimeSpan.Zero;
        StringBuilder text = new();
        int tokens = 0;
        bool isDone = false;
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = JsonOf(body) };
            using HttpResponseMessage answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (!answer.IsSuccessStatusCode)
            {
                string refused = await answer.Content.ReadAsStringAsync(cancellation);
                return Failed(time, $"status {(int)answer.StatusCode}{MessageOf(refused)}");
            }

            using StreamReader reader = new(await answer.Content.ReadAsStreamAsync(cancellation), Encoding.UTF8);
            while (await reader.ReadLineAsync(cancellation) is string line)
            {
                if (!line.StartsWith("data: ", StringComparison.Ordinal))
                {
                    continue;
                }

                first = first == TimeSpan.Zero ? time.Elapsed : first;
                if (line == "data: [DONE]")
                {
                    isDone = true;
                    continue;
                }

                JsonNode chunk = JsonNode.Parse(line[6..]) ?? throw new JsonException("an event is null");
                if (chunk["error"] is JsonNode error)
                {
                    return Failed(time, $"{error["message"]}");
                }

                text.Append((string?)chunk["choices"]?.AsArray().FirstOrDefault()?["text"]);
                tokens = (int?)chunk["usage"]?["completion_tokens"] ?? tokens;
            }
        }
        catch (Exception error) when (IsFailure(error, cancellation))
        {
            return Failed(time, error.Message);
        }

        return new LoadAnswer(first, time.Elapsed, tokens, text.ToString(), isDone ? null : "the stream ended without [DONE]");
    }

    /// <summary>Sends any body.</summary>
    /// <returns>The status; 0: there was no answer.</returns>
    public async Task<int> SendAsync(string path, JsonObject body, CancellationToken cancellation = default)
    {
        try
        {
            using StringContent content = JsonOf(body);
            using HttpResponseMessage answer = await _http.PostAsync(path, content, cancellation);
            await answer.Content.ReadAsByteArrayAsync(cancellation);
            return (int)answer.StatusCode;
        }
        catch (Exception error) when (IsFailure(error, cancellation))
        {
            return 0;
        }
    }

    /// <summary>Texts that the server works on or keeps waiting, by its metrics; null: it has no such metrics.</summary>
    public async Task<double?> TextsInWorkAsync(CancellationToken cancellation = default)
    {
        string metrics;
        try
        {
            metrics = await _http.GetStringAsync("/metrics", cancellation);
        }
        catch (Exception error) when (IsFailure(error, cancellation))
        {
            return null;
        }

        string[] lines =
        [
            .. metrics.Split('\n').Where(line => line.StartsWith("cinnabar_running", StringComparison.Ordinal)
                || line.StartsWith("cinnabar_queue_depth", StringComparison.Ordinal)),
        ];
        return lines.Length == 0
            ? null
            : lines.Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    // What a server may do to a client: no answer, none in time (HttpClient then cancels), or one of another shape.
    private static bool IsFailure(Exception error, CancellationToken cancellation) => error switch
    {
        OperationCanceledException => !cancellation.IsCancellationRequested,
        HttpRequestException or IOException or JsonException or InvalidOperationException => true,
        _ => false,
    };

    // What servers say beside the status: {"error": {"message": …}}. Others say it in HTML, or not at all.
    private static string MessageOf(string body)
    {
        try
        {
            return JsonNode.Parse(body)?["error"]?["message"] is JsonNode message
                ? $", {TerminalText.Shortened($"{message}", LongestMessage)}"
                : "";
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return "";
        }
    }

    private static LoadAnswer Failed(Stopwatch time, string error) => new(TimeSpan.Zero, time.Elapsed, 0, "", error);

    private static StringContent JsonOf(JsonObject body) => new(body.ToJsonString(), Encoding.UTF8, "application/json");
}
