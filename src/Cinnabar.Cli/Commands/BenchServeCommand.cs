// cinnabar bench serve: what clients of a server experience: one stream beside many at once, clients that leave, and load of all kinds for
// a long time. Measures a server of its own in this process, or any other that speaks OpenAI's completions.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Cli.Load;
using Cinnabar.Server;
using Cinnabar.Server.Security;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Builder;

namespace Cinnabar.Cli.Commands;

internal sealed class BenchServeCommand
{
    private const int WarmUps = 48; // until the runtime has compiled what runs often
    private const int SingleRequests = 24;
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_freeWithin = TimeSpan.FromSeconds(10);

    private readonly Option<string?> _url = new("--url")
    {
        Description = $"A running server; its key is read from {ApiKeys.Variable}. [default: one of its own, in this process]",
        HelpName = "address",
    };

    private readonly Option<int> _streams = Number("--streams", "Clients at once, beside one alone.", 64, 1, 4096);
    private readonly Option<int> _requests = Number("--requests", "Requests of each of them.", 4, 1, 100_000);
    private readonly Option<int> _maxTokens = Number("--max-tokens", "Tokens of each text.", 64, 1, 4096);
    private readonly Option<string?> _fields = new("--fields")
    {
        Description = """Further fields of the requests, such as '{"block_length": 16, "cache": "dual"}'. [default: none]""",
        HelpName = "json",
    };

    private readonly Option<int> _leaving = Number("--disconnects", "Then so many clients that leave at random times.", 0, 0, 1_000_000);
    private readonly Option<int> _minutes = Number("--minutes", "Then so many minutes of load of all kinds.", 0, 0, 100_000);
    private readonly ModelArguments _model = new();

    public static Command Create() => new BenchServeCommand().ToCommand();

    private static Option<int> Number(string name, string meaning, int standard, int least, int most)
    {
        Option<int> option = new(name) { Description = meaning, HelpName = "n", DefaultValueFactory = _ => standard };
        option.RequireRange(least, most);
        return option;
    }

    private Command ToCommand()
    {
        Command command = new("serve", "What clients of a server experience, one alone and many at once.")
        {
            _url, _streams, _requests, _maxTokens, _fields, _leaving, _minutes,
        };
        _model.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.Run(() => RunAsync(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private JsonObject FieldsOf(ParseResult parsed)
    {
        string text = parsed.GetValue(_fields) ?? "{}";
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? throw new JsonException("it is no object");
        }
        catch (JsonException error)
        {
            throw new CinnabarException($"Expected --fields to be a JSON object, found {TerminalText.Quote(text)}.", "Correct it.", error);
        }
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        JsonObject fields = FieldsOf(parsed);
        if (parsed.GetValue(_url) is string address)
        {
            if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
            {
                throw new CinnabarException(
                    $"Expected --url to be an address such as http://127.0.0.1:5317, found {TerminalText.Quote(address)}.", "Correct it.");
            }

            using LoadClient client = new(url, fields, Environment.GetEnvironmentVariable(ApiKeys.Variable));
            return await MeasureAsync(parsed, client, isOwn: false, cancellation) ? 0 : CommandRunner.Failed;
        }

        DiffusionModel model = _model.Load(parsed, cancellation);
        EngineOptions engines = new() { MaxRunning = Math.Max(new EngineOptions().MaxRunning, parsed.GetValue(_streams)) };
        ServedModels models = new([new ServedModel(model.Name, new ModelEngine(model, engines), Created: 0)]);
        await using WebApplication server = CinnabarServer.Create(new ServerOptions { Port = 0, LogsRequests = false }, models);
        using LoadClient own = new(new Uri(await CinnabarServer.StartAsync(server, cancellation)), fields, key: null);
        int threads = model.Kernels.Workers.Threads;
        Console.WriteLine($"{model.Name}, texts of {parsed.GetValue(_maxTokens)} tokens, {threads} threads, {fields.ToJsonString()}");
        try
        {
            return await MeasureAsync(parsed, own, isOwn: true, cancellation) ? 0 : CommandRunner.Failed;
        }
        finally
        {
            await CinnabarServer.StopAsync(server);
        }
    }

    /// <summary>Measures and prints.</summary>
    /// <returns>Whether any request was answered well.</returns>
    private async Task<bool> MeasureAsync(ParseResult parsed, LoadClient client, bool isOwn, CancellationToken cancellation)
    {
        (int streams, int requests, int tokens) = (parsed.GetValue(_streams), parsed.GetValue(_requests), parsed.GetValue(_maxTokens));
        await RequireAnswerAsync(client, tokens, isOwn, cancellation);
        await StreamLoad.RunAsync(client, 1, WarmUps, tokens, cancellation);
        Console.Error.WriteLine($"one stream: {SingleRequests} requests");
        StreamLoad one = await StreamLoad.RunAsync(client, 1, SingleRequests, tokens, cancellation);
        Console.Error.WriteLine($"{streams} streams: {streams * requests} requests");
        StreamLoad many = await StreamLoad.RunAsync(client, streams, requests, tokens, cancellation);
        ResultTable.Write(StreamLoad.Columns, [one.Cells, many.Cells], textColumns: 0);
        if (one.Good.Any() && many.Good.Any())
        {
            double throughput = many.TokensPerSecond / one.TokensPerSecond;
            double delay = many.FirstEvent(0.99) / one.FirstEvent(0.5);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{streams} streams beside one: {throughput:F2} times the tokens/s; first event, 99 % beside the median of one: "
                + $"{delay:F1} times"));
        }

        foreach (string error in one.Answers.Concat(many.Answers).Select(answer => answer.Error).OfType<string>().Distinct().Take(5))
        {
            Console.WriteLine($"error: {TerminalText.Safe(error)}");
        }

        if (!one.Good.Any() && !many.Good.Any())
        {
            Console.Error.WriteLine("No request was answered.");
            return false;
        }

        if (parsed.GetValue(_leaving) is int leaving and > 0)
        {
            await LeaveAsync(client, leaving, tokens, cancellation);
        }

        if (parsed.GetValue(_minutes) is int minutes and > 0)
        {
            await MixAsync(client, minutes, isOwn, cancellation);
        }

        return true;
    }

    // A server that refuses one request refuses them all: they differ in their texts and seeds alone.
    private static async Task RequireAnswerAsync(LoadClient client, int tokens, bool isOwn, CancellationToken cancellation)
    {
        LoadAnswer first = await client.StreamAsync(client.Completion(0, tokens), cancellation);
        if (first.Error is string error)
        {
            throw new CinnabarException(
                $"Expected an answer to the first request, found: {error.TrimEnd('.')}.",
                isOwn
                    ? "Correct --fields or --max-tokens."
                    : $"Correct --url, --fields, --max-tokens or the key in {ApiKeys.Variable}, or start the server.");
        }
    }

    private static async Task LeaveAsync(LoadClient client, int count, int tokens, CancellationToken cancellation)
    {
        Console.Error.WriteLine($"{count} clients that leave at random times");
        LoadAnswer before = await client.StreamAsync(client.Completion(1, tokens), cancellation);
        MixedLoad load = new(client);
        await load.LeaveAsync(count, cancellation);
        Stopwatch time = Stopwatch.StartNew();
        double? left = await client.TextsInWorkAsync(cancellation);
        while (left > 0 && time.Elapsed < s_freeWithin)
        {
            await Task.Delay(10, cancellation);
            left = await client.TextsInWorkAsync(cancellation);
        }

        string freed = left is null ? "the server has no metrics that tell what is still in work"
            : left == 0 ? $"nothing in work after {time.ElapsedMilliseconds} ms"
            : $"{left} texts still in work";
        LoadAnswer after = await client.StreamAsync(client.Completion(1, tokens), cancellation);
        bool isSame = before.Error is null && after.Error is null && before.Text == after.Text;
        string text = isSame ? "a text as before" : "a text other than before";
        Console.WriteLine($"{load.Left} of {count} clients left in the middle: {freed}; {text}");
    }

    private static async Task MixAsync(LoadClient client, int minutes, bool isOwn, CancellationToken cancellation)
    {
        Console.Error.WriteLine($"{minutes} minutes of load of all kinds");
        MixedLoad load = new(client);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task running = load.RunAsync(stop.Token);
        List<string[]> rows = [];
        for (int minute = 1; minute <= minutes; minute++)
        {
            await Task.Delay(s_interval, cancellation);
            ProcessSize? size = isOwn ? ProcessSize.Now() : null;
            rows.Add(
            [
                $"{minute}", $"{load.Requests}", $"{load.Errors}", $"{load.Left}",
                size is null ? "" : $"{size.Memory >> 20} MiB", $"{size?.Handles}", $"{size?.Threads}",
            ]);
            Console.Error.WriteLine(string.Join("  ", rows[^1]));
        }

        await stop.CancelAsync();
        await running;
        ResultTable.Write(["minute", "as expected", "errors", "left", "memory", "handles", "threads"], rows, textColumns: 0);
    }
}
