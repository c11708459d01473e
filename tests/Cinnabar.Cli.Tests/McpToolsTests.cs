using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Cli.Commands;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Cinnabar.Cli.Tests;

/// <summary>The tools through the package's own client, over pipes.</summary>
[Collection(ConsoleTests.Name)]
public sealed class McpToolsTests(TinyModel tiny)
{
    private static string Initialize => Request(
        1,
        "initialize",
        """{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}""");

    public static TheoryData<string, string, string> WrongCalls => new()
    {
        { "complete", "{}", "prompt to be a text, found nothing" },
        { "complete", """{"prompt":null}""", "prompt to be a text, found nothing" },
        { "complete", """{"prompt":5}""", "prompt to be a text, found 5" },
        { "complete", """{"prompt":"x","max_tokens":"many"}""", "max_tokens to be a whole number, 1 … 96, found \"many\"" },
        { "complete", """{"prompt":"x","max_tokens":97}""", "1 … 96, found 97" },
        { "complete", """{"prompt":"x","max_tokens":1.5}""", "found 1.5" },
        { "complete", """{"prompt":"x","max_tokens":99999999999999999999}""", "found 99999999999999999999" },
        { "complete", """{"prompt":"x","temperature":-0.1}""", "temperature to be a number, 0 … 100, found -0.1" },
        { "complete", """{"prompt":"x","temperature":1e999}""", "found 1e999" },
        { "complete", """{"prompt":"x","top_p":2}""", "top_p to be a number, 0 … 1, found 2" },
        { "complete", """{"prompt":"x","threshold":1.01}""", "threshold" },
        { "complete", """{"prompt":"x","steps":0}""", "steps" },
        { "complete", """{"prompt":"x","seed":-1}""", "seed" },
        { "complete", """{"prompt":"x","best_of":2}""", "found 'best_of'" },
        { "infill", """{"text":"no hole"}""", "<fill>" },
        { "infill", """{"text":"<fill:0>"}""", "1 … 1048576" },
        { "infill", """{"text":"<fill:9999>"}""", "96" },
        { "infill", """{"text":"<fill>","max_tokens":3}""", "found 'max_tokens'" },
        { "infill", """{"text":["<fill>"]}""", "text to be a text" },
        { "score", """{"text":""}""", "at least one byte" },
        { "score", """{"text":"x","samples":257}""", "1 … 256, found 257" },
    };

    [Theory]
    [MemberData(nameof(WrongCalls))]
    public async Task Call_WrongArguments_IsAToolErrorThatSaysWhatToChange(string tool, string arguments, string says)
    {
        using McpTools tools = new(tiny.Model);
        CallToolResult result = await tools.CallAsync(
            tool, JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(arguments), CancellationToken.None);
        Assert.True(result.IsError);
        Assert.Contains(says, Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text);
    }

    // It writes one token a step, whatever was asked for.
    [Theory]
    [InlineData("steps", "3")]
    [InlineData("threshold", "0.9")]
    public async Task Tools_OfAnAutoregressiveModel_TakeNoSteps(string name, string value)
    {
        string path = Path.Combine(tiny.Folder, $"mcp-twin-{name}");
        TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        using McpTools tools = new(DiffusionModel.Load(path, tiny.Model.Kernels));
        Assert.All(tools.All, tool => Assert.False(tool.InputSchema.GetProperty("properties").TryGetProperty(name, out _)));
        Dictionary<string, JsonElement> arguments = new()
        {
            ["prompt"] = JsonSerializer.SerializeToElement("x"),
            [name] = JsonDocument.Parse(value).RootElement,
        };
        CallToolResult refused = await tools.CallAsync("complete", arguments, CancellationToken.None);
        Assert.Contains($"found '{name}'", Assert.IsType<TextContentBlock>(Assert.Single(refused.Content)).Text);
    }

    // What drafts do not go with wins over those of the model; holes with text behind them are filled without any.
    [Fact]
    public async Task Calls_OfAModelThatDrafts_GiveTheTextOfTheModel()
    {
        string path = Path.Combine(tiny.Folder, "mcp-drafting");
        TinyModelFolder.WriteDrafting(path);
        DiffusionModel model = DiffusionModel.Load(path, tiny.Model.Kernels);
        using McpTools tools = new(model);
        SamplerOptions drafts = model.DefaultOptions;
        SamplerOptions masks = drafts with { DraftTokens = null };
        GenerationResult drafted = model.Generate("int a", drafts);
        GenerationResult plain = model.Generate("int a", masks);
        Assert.NotEqual(plain.Text, drafted.Text);
        await Gives("complete", """{"prompt":"int a"}""", drafted);
        await Gives(
            "complete",
            """{"prompt":"int a","temperature":0.7,"top_p":0.9,"max_tokens":20,"seed":4}""",
            model.Generate("int a", drafts with { Temperature = 0.7, TopP = 0.9, MaxNewTokens = 20, Seed = 4 }));
        await Gives("complete", """{"prompt":"int a","steps":6}""", model.Generate("int a", masks with { Steps = 6 }));
        await Gives("complete", """{"prompt":"int a","threshold":1}""", plain);
        await Gives("infill", """{"text":"int Max(<fill:9>) { }"}""", model.Infill("int Max(<fill:9>) { }", masks));

        async Task Gives(string tool, string arguments, GenerationResult expected)
        {
            CallToolResult result = await tools.CallAsync(
                tool, JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(arguments), CancellationToken.None);
            string text = tool == "infill" ? expected.Text : expected.Holes[0].Text;
            Assert.Equal(text, Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text);
            Assert.Equal(expected.ForwardPasses, result.StructuredContent!.Value.GetProperty("passes").GetInt32());
        }
    }

    [Theory]
    [InlineData("5.0")]
    [InlineData("5e0")]
    public async Task Call_WholeNumberSpelledWithAFraction_IsTaken(string five)
    {
        using McpTools tools = new(tiny.Model);
        string arguments = $$"""{"prompt":"x","max_tokens":{{five}},"seed":0.0}""";
        CallToolResult result = await tools.CallAsync(
            "complete", JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(arguments), CancellationToken.None);
        Assert.NotEqual(true, result.IsError);
        Assert.Equal(
            tiny.Model.Generate("x", new() { MaxNewTokens = 5 }).Holes[0].Text,
            result.StructuredContent!.Value.GetProperty("text").GetString());
    }

    [Fact]
    public async Task Call_HalfASurrogateOrTooMuch_IsAToolError()
    {
        using McpTools tools = new(tiny.Model);
        foreach (string arguments in (string[])["""{"prompt":"\ud800"}""", $$"""{"prompt":"{{new string('x', 1_000_001)}}"}"""])
        {
            CallToolResult result = await tools.CallAsync(
                "complete", JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(arguments), CancellationToken.None);
            Assert.True(result.IsError);
        }
    }

    [Fact]
    public async Task Client_OfThePackage_ListsAndCalls()
    {
        await using Session session = await Session.Begin(tiny.Model);
        IList<McpClientTool> tools = await session.Client.ListToolsAsync();
        Assert.Equal(["complete", "infill", "score"], tools.Select(tool => tool.Name));
        Assert.All(tools, tool => Assert.True(tool.ProtocolTool.Annotations!.ReadOnlyHint));

        CallToolResult completed = await session.Client.CallToolAsync(
            "complete", new Dictionary<string, object?> { ["prompt"] = "int ", ["max_tokens"] = 5, ["temperature"] = 0.5, ["seed"] = 3 });
        Assert.NotEqual(true, completed.IsError);
        Assert.Equal(
            tiny.Model.Generate("int ", new() { MaxNewTokens = 5, Temperature = 0.5, Seed = 3 }).Holes[0].Text,
            completed.StructuredContent!.Value.GetProperty("text").GetString());

        CallToolResult infilled = await session.Client.CallToolAsync(
            "infill", new Dictionary<string, object?> { ["text"] = "a <fill:2> b <fill:3> c", ["steps"] = 3 });
        Assert.Equal(2, infilled.StructuredContent!.Value.GetProperty("holes").GetArrayLength());
        Assert.Equal(3, infilled.StructuredContent.Value.GetProperty("steps").GetInt32());

        CallToolResult scored = await session.Client.CallToolAsync("score", new Dictionary<string, object?> { ["text"] = "int x = 5;" });
        double bits = scored.StructuredContent!.Value.GetProperty("bits_per_byte").GetDouble();
        Assert.InRange(bits, 1, 20);
        Assert.StartsWith($"{bits:F4} ± ", Assert.IsType<TextContentBlock>(scored.Content[0]).Text);
    }

    [Fact]
    public async Task Client_UnknownTool_IsAnErrorOfTheProtocol()
    {
        await using Session session = await Session.Begin(tiny.Model);
        McpProtocolException error = await Assert.ThrowsAsync<McpProtocolException>(() => session.Client.CallToolAsync("erase").AsTask());
        Assert.Equal(McpErrorCode.InvalidParams, error.ErrorCode);
    }

    // As from a pipe: all requests at once, the last line without an end, and then the end of the input.
    [Fact]
    public async Task Input_ThatEnds_HasEveryRequestAnswered()
    {
        JsonObject[] answers = await Served(
            tiny.Model,
            TimeSpan.FromSeconds(60),
            Initialize,
            Request(2, "tools/call", """{"name":"complete","arguments":{"prompt":"int ","max_tokens":5}}"""),
            """{"jsonrpc":"2.0","id":3,"method":"tools/call"}""",
            Request(4, "tools/call", """{"name":"erase"}"""));
        Assert.Equal([1, 2, 3, 4], answers.Select(answer => (int)answer["id"]!).Order());
        string text = tiny.Model.Generate("int ", new() { MaxNewTokens = 5 }).Holes[0].Text;
        Assert.Equal(text, (string?)Of(2)["result"]!["content"]![0]!["text"]);
        Assert.Contains("Expected params with the name of a tool", (string?)Of(3)["error"]!["message"], StringComparison.Ordinal);
        Assert.Contains("complete, infill, score", (string?)Of(4)["error"]!["message"], StringComparison.Ordinal);

        JsonObject Of(int id) => answers.Single(answer => (int)answer["id"]! == id);
    }

    // A cancelled call gets no answer, so the end does not wait for one.
    [Theory]
    [InlineData(0.5, "")]
    [InlineData(60, """{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}""")]
    public async Task Input_ThatEnds_GivesUpWhatIsLate(double seconds, string last)
    {
        string text = string.Concat(Enumerable.Repeat("int x = 5; ", 4000));
        Task<JsonObject[]> served = Served(
            tiny.Model,
            TimeSpan.FromSeconds(seconds),
            Initialize,
            Request(2, "tools/call", $$$"""{"name":"score","arguments":{"text":"{{{text}}}","samples":256}}"""),
            last);
        JsonObject answer = Assert.Single(await served.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(1, (int)answer["id"]!);
    }

    [Fact]
    public async Task Call_Cancelled_EndsAndTheNextWorks()
    {
        using McpTools tools = new(tiny.Model);
        using CancellationTokenSource source = new();
        Dictionary<string, JsonElement> text = new()
        {
            ["text"] = JsonSerializer.SerializeToElement(string.Concat(Enumerable.Repeat("int x = 5;\n", 4000))),
            ["samples"] = JsonSerializer.SerializeToElement(256),
        };
        Task<CallToolResult> call = tools.CallAsync("score", text, source.Token);
        Task<CallToolResult> waiting = tools.CallAsync("score", text, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Dictionary<string, JsonElement> prompt = new() { ["prompt"] = JsonSerializer.SerializeToElement("x") };
        CallToolResult next = await tools.CallAsync("complete", prompt, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.NotEqual(true, next.IsError);
    }

    private static string Request(int id, string method, string parameters) =>
        $$$"""{"jsonrpc":"2.0","id":{{{id}}},"method":"{{{method}}}","params":{{{parameters}}}}""";

    private static async Task<JsonObject[]> Served(DiffusionModel model, TimeSpan grace, params string[] messages)
    {
        using McpTools tools = new(model);
        using MemoryStream input = new(Encoding.UTF8.GetBytes(string.Join('\n', messages)));
        using MemoryStream output = new();
        await McpCommand.ServeAsync(tools, input, output, grace, CancellationToken.None);
        string[] lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return [.. lines.Select(line => JsonNode.Parse(line)!.AsObject())];
    }

    private sealed class Session : IAsyncDisposable
    {
        private readonly McpTools _tools;
        private readonly McpServer _server;

        private Session(McpTools tools, McpServer server, McpClient client)
        {
            (_tools, _server, Client) = (tools, server, client);
        }

        public McpClient Client { get; }

        public static async Task<Session> Begin(DiffusionModel model)
        {
            Pipe toServer = new();
            Pipe toClient = new();
            McpTools tools = new(model);
            McpServer server = McpServer.Create(
                new StreamServerTransport(toServer.Reader.AsStream(), toClient.Writer.AsStream()),
                McpCommand.OptionsFor(tools, CancellationToken.None));
            _ = server.RunAsync();
            McpClient client = await McpClient.CreateAsync(
                new StreamClientTransport(toServer.Writer.AsStream(), toClient.Reader.AsStream()));
            return new Session(tools, server, client);
        }

        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync();
            await _server.DisposeAsync();
            _tools.Dispose();
        }
    }
}
