using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>A child process that speaks the protocol over its standard streams, line by line, without a client library.</summary>
[Collection(ConsoleTests.Name)]
public sealed class McpCommandTests(TinyModel tiny)
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Session_OfAChildProcess_SpeaksTheProtocolAlone()
    {
        Stopwatch time = Stopwatch.StartNew();
        using Process child = Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "Cinnabar.Cli.dll"), "mcp", "--model", tiny.Path, "--threads", "1" },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            Task<string> errors = child.StandardError.ReadToEndAsync();
            JsonNode hello = (await Ask(child, 1, "initialize", """
                {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}
                """))["result"]!;
            Assert.Equal("cinnabar", (string?)hello["serverInfo"]!["name"]);
            Assert.NotNull(hello["capabilities"]!["tools"]);
            await Tell(child, """{"jsonrpc":"2.0","method":"notifications/initialized"}""");

            JsonArray tools = (await Ask(child, 2, "tools/list", "{}"))["result"]!["tools"]!.AsArray();
            Assert.Equal(["complete", "infill", "score"], tools.Select(tool => (string?)tool!["name"]));
            Assert.All(tools, tool => Assert.All(
                tool!["inputSchema"]!["properties"]!.AsObject(), property => Assert.NotNull(property.Value!["description"])));

            JsonNode completed = await Call(child, 3, "complete", """{"prompt":"int Max(","max_tokens":6,"temperature":1,"seed":7}""");
            GenerationResult expected = tiny.Model.Generate("int Max(", new() { MaxNewTokens = 6, Temperature = 1, Seed = 7 });
            Assert.Equal(expected.Holes[0].Text, (string?)completed["content"]![0]!["text"]);
            Assert.Equal(expected.Steps, (int?)completed["structuredContent"]!["steps"]);

            JsonNode wrong = await Call(child, 4, "complete", """{"prompt":"x","max_tokens":0}""");
            Assert.True((bool?)wrong["isError"]);
            Assert.Contains("max_tokens to be a whole number, 1 … 96, found 0", (string?)wrong["content"]![0]!["text"]);

            // An error of the protocol; the next call works.
            JsonNode unknown = await Ask(child, 5, "tools/call", """{"name":"erase","arguments":{}}""");
            Assert.Contains("complete, infill, score", (string?)unknown["error"]!["message"]);
            JsonNode infilled = await Call(child, 6, "infill", """{"text":"int x = <fill:4>;"}""");
            Assert.Equal(tiny.Model.Infill("int x = <fill:4>;").Text, (string?)infilled["content"]![0]!["text"]);

            // A cancelled call gives no answer, and lets the next one in; what was asked before the input ends gets one.
            string text = string.Concat(Enumerable.Repeat("int x = 5; ", 4000));
            string score = $$$"""{"name":"score","arguments":{"text":"{{{text}}}","samples":256}}""";
            await Tell(child, Request(7, "tools/call", score));
            await Tell(child, """{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}""");
            Assert.Null((bool?)(await Call(child, 8, "complete", """{"prompt":"x"}"""))["isError"]);
            await Tell(child, Request(9, "ping", "{}"));
            child.StandardInput.Close();
            Assert.Contains("\"id\":9", await child.StandardOutput.ReadToEndAsync().WaitAsync(s_long));
            await child.WaitForExitAsync().WaitAsync(s_long);
            Assert.Equal((0, ""), (child.ExitCode, await errors));
            Assert.InRange(time.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        }
        finally
        {
            child.Kill();
        }
    }

    [Fact]
    public async Task Mcp_NoModel_SaysSoOnStandardError()
    {
        (int exitCode, string output, string error) = await tiny.Run("mcp", "--model", "no-such-model");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("no-such-model", error);
    }

    private static async Task<JsonNode> Call(Process child, int id, string tool, string arguments) =>
        (await Ask(child, id, "tools/call", $$$"""{"name":"{{{tool}}}","arguments":{{{arguments}}}}"""))["result"]!;

    private static string Request(int id, string method, string parameters) =>
        $$$"""{"jsonrpc":"2.0","id":{{{id}}},"method":"{{{method}}}","params":{{{parameters.Trim()}}}}""";

    private static async Task<JsonNode> Ask(Process child, int id, string method, string parameters)
    {
        await Tell(child, Request(id, method, parameters));
        string line = await child.StandardOutput.ReadLineAsync().WaitAsync(s_long) ?? throw new EndOfStreamException();
        JsonNode answer = JsonNode.Parse(line)!;
        Assert.Equal(("2.0", id), ((string?)answer["jsonrpc"], (int?)answer["id"]));
        return answer;
    }

    private static async Task Tell(Process child, string message)
    {
        await child.StandardInput.WriteLineAsync(message);
        await child.StandardInput.FlushAsync();
    }
}
