using System.Text;
using System.Text.Json.Nodes;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class StreamTests(ApiServer server)
{
    private const string Path = "/v1/completions";
    private const string Edits = "{\"model\":\"sure\",\"edit_threshold\":0.05,\"steps\":8,\"temperature\":1}";
    private const string MasksAgain = "{\"model\":\"sure\",\"remask_below\":0.3,\"steps\":8,\"temperature\":1}";
    private const string TakesBack = "{\"model\":\"sure\",\"threshold\":0.05,\"verify_threshold\":0.9,\"temperature\":1}";

    public static TheoryData<string> Policies =>
    [
        "{}",
        "{\"steps\":5}",
        "{\"threshold\":0.02}",
        "{\"block_length\":6}",
        "{\"remasking\":\"random\",\"temperature\":1}",
        "{\"remasking\":\"entropy\",\"temperature\":1.5,\"top_p\":0.9}",
        "{\"remasking\":\"origin\",\"steps\":9,\"temperature\":1}",
        "{\"remasking\":\"origin\",\"remdm\":\"loop\",\"steps\":40,\"temperature\":1}",
        "{\"remask_below\":0.02,\"threshold\":0.02,\"block_length\":8}",
        "{\"edit_threshold\":0.02,\"steps\":12}",
        "{\"threshold\":0.02,\"verify_threshold\":0.01}",
        "{\"early_exit\":0.1}",
        "{\"max_passes\":4}",
        "{\"cfg_scale\":1}",
        "{\"model\":\"left\",\"temperature\":1.5}",
        "{\"model\":\"drafting\",\"temperature\":1}",
        Edits,
        MasksAgain,
        TakesBack,
    ];

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Pieces_TogetherAreTheTextOfTheAnswer(string policy)
    {
        foreach ((string prompt, string? suffix, string[] stops) in ((string, string?, string[])[])
        [
            ("public static int ", null, []),
            ("a\r\nb ", "\r\nc", ["x", "ab"]),
            ("// naïve – 日本 🙂 ", "}\n", ["\n", "é"]),
            ("", null, ["e", "public"]),
        ])
        {
            for (int seed = 1; seed <= 2; seed++)
            {
                JsonObject body = JsonNode.Parse(policy)!.AsObject();
                body["prompt"] = prompt;
                body["suffix"] = suffix;
                body["max_tokens"] = 24;
                body["seed"] = seed;
                body["stop"] = new JsonArray([.. stops.Select(stop => (JsonNode)stop)]);
                JsonNode whole = await server.AskAsync(Path, body);
                body["stream"] = true;
                List<JsonNode> chunks = await server.ChunksAsync(Path, body);
                body["stream_options"] = new JsonObject { ["include_steps"] = true };
                List<JsonNode> steps = await server.ChunksAsync(Path, body);

                string expected = (string)whole["choices"]![0]!["text"]!;
                Assert.Equal(expected, TextOf(chunks));
                Assert.Equal(expected, TextOf(steps));
                string finish = (string)whole["choices"]![0]!["finish_reason"]!;
                Assert.Equal(finish, (string?)chunks[^1]["choices"]![0]!["finish_reason"]);
                Assert.All(chunks.SkipLast(1), chunk => Assert.Null(chunk["choices"]![0]!["finish_reason"]));
                Assert.Equal((int)whole["usage"]!["completion_tokens"]!, (int)steps[^1]["diffusion"]!["new_tokens"]!);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Steps_ReplayToTheFinalCanvas(string policy)
    {
        JsonObject body = JsonNode.Parse(policy)!.AsObject();
        body["prompt"] = "int a";
        body["max_tokens"] = 20;
        body["seed"] = 9;
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_steps"] = true };
        body["alternatives"] = 2;
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);

        JsonNode canvas = chunks[0]["diffusion"]!;
        int[] ids = [.. canvas["ids"]!.AsArray().Select(id => (int)id!)];
        int mask = (int)canvas["mask"]!;
        Assert.Equal("canvas", (string?)canvas["type"]);
        Assert.Equal((int)canvas["length"]!, ids.Length);
        Assert.Equal(ids.Select(id => id == mask), canvas["pieces"]!.AsArray().Select(piece => piece is null));
        List<JsonNode> steps = [.. chunks.Select(chunk => chunk["diffusion"]!).Where(shown => (string?)shown["type"] == "step")];
        for (int i = 0; i < steps.Count; i++)
        {
            Assert.Equal(i + 1, (int)steps[i]["step"]!);
            HashSet<int> before = [.. Enumerable.Range(0, ids.Length).Where(position => ids[position] == mask)];
            foreach (JsonNode? written in steps[i]["committed"]!.AsArray().Concat(steps[i]["edited"]!.AsArray()))
            {
                ids[(int)written!["position"]!] = (int)written["token"]!;
                Assert.Equal(server.Tiny.Tokenizer.TokenPiece((int)written["token"]!), (string?)written["text"]);
            }

            foreach (JsonNode? position in steps[i]["renoised"]!.AsArray())
            {
                ids[(int)position!] = mask;
            }

            int[] noisy = [.. Enumerable.Range(0, ids.Length).Where(position => ids[position] == mask)];
            Assert.Equal((int)steps[i]["remaining"]!, noisy.Length);
            Assert.Equal(noisy, steps[i]["noisy"]!.AsArray().Select(row => (int)row!["position"]!));
            Assert.All(
                steps[i]["noisy"]!.AsArray().Where(row => before.Contains((int)row!["position"]!)),
                row => Assert.Contains(row!["alternatives"]!.AsArray().Count, (int[])[0, 2])); // none outside of the block
        }

        Assert.Contains(steps, step => step["committed"]!.AsArray().Any(commit => commit!["alternatives"]!.AsArray().Count == 2));
        JsonNode hole = canvas["holes"]![0]!;
        Range range = (int)hole["start"]!..((int)hole["start"]! + (int)hole["length"]!);
        int[] ends = [.. hole["ends"]!.AsArray().Select(id => (int)id!)];
        Assert.Equal([server.Tiny.Tokenizer.EndOfTextTokenId], ends);
        int[] text = [.. ids[range].TakeWhile(id => !ends.Contains(id))];
        Assert.Equal(server.Tiny.Tokenizer.Decode(text), TextOf(chunks));
        JsonNode done = chunks[^1]["diffusion"]!;
        Assert.Equal("done", (string?)done["type"]);
        Assert.Equal(steps.Count, (int)done["steps"]!);
        Assert.Equal(9, (int)done["seed"]!);
    }

    [Theory]
    [InlineData(Edits, "edited")]
    [InlineData(MasksAgain, "renoised")]
    [InlineData(TakesBack, "renoised")]
    public async Task TokensThatChange_AreToldAndTheTextIsThatOfTheWholeAnswer(string policy, string list)
    {
        int changes = 0;
        for (int seed = 1; seed <= 6; seed++)
        {
            JsonObject body = JsonNode.Parse(policy)!.AsObject();
            body["prompt"] = "int a";
            body["max_tokens"] = 24;
            body["seed"] = seed;
            JsonNode whole = await server.AskAsync(Path, body);
            body["stream"] = true;
            body["stream_options"] = new JsonObject { ["include_steps"] = true };
            List<JsonNode> chunks = await server.ChunksAsync(Path, body);

            Assert.Equal((string?)whole["choices"]![0]!["text"], TextOf(chunks));
            changes += chunks.Sum(chunk => chunk["diffusion"]![list]?.AsArray().Count ?? 0);
        }

        Assert.NotEqual(0, changes);
    }

    [Fact]
    public async Task Diffusing_SendsTheWholeTextAndAtLastTheFinalOne()
    {
        JsonObject body = new() { ["prompt"] = "int a ", ["suffix"] = ";", ["max_tokens"] = 12, ["seed"] = 4, ["echo"] = true };
        JsonNode whole = await server.AskAsync(Path, body);
        body["stream"] = true;
        body["diffusing"] = true;
        Task[] slow =
            [.. Enumerable.Range(0, 8).Select(_ => server.Models["tiny"].Engine.RunAsync(_ => SpinWait.SpinUntil(() => false, 25)))];
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);

        List<string> texts = [.. chunks.Select(chunk => (string)chunk["choices"]![0]!["text"]!)];
        Assert.Equal((string?)whole["choices"]![0]!["text"], texts[^1]);
        await Task.WhenAll(slow);
        Assert.Contains('░', texts[1]);
        Assert.True(texts.Skip(1).All(text => text.StartsWith("int a ", StringComparison.Ordinal)));
        List<int> noise = [.. texts.Skip(1).Select(text => text.Count(c => c == '░'))];
        Assert.Equal(noise.OrderDescending(), noise);
    }

    [Fact]
    public async Task SeveralTexts_ShareAStream()
    {
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 12, ["seed"] = 4, ["n"] = 3, ["temperature"] = 1.5 };
        JsonNode whole = await server.AskAsync(Path, body);
        body["stream"] = true;
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal((string?)whole["choices"]![i]!["text"], TextOf(chunks, i));
            Assert.Single(chunks, chunk => (int)chunk["choices"]![0]!["index"]! == i && chunk["choices"]![0]!["finish_reason"] is not null);
        }
    }

    [Fact]
    public async Task WhatIsWrongBeforeTheFirstStep_HasAStatus()
    {
        await server.RefuseAsync(
            Path,
            new JsonObject { ["prompt"] = "x", ["max_tokens"] = 40, ["block_length"] = 2, ["steps"] = 3, ["stream"] = true },
            "steps");
        await server.RefuseAsync(Path, new JsonObject { ["prompt"] = "x", ["diffusing"] = true }, "diffusing");
        JsonObject steps = new() { ["include_steps"] = true };
        await server.RefuseAsync(Path, new JsonObject { ["prompt"] = "x", ["stream_options"] = steps }, "stream_options");
    }

    [Fact]
    public async Task SilentStream_SendsPings()
    {
        server.Limits = new ServerOptions { PingInterval = TimeSpan.FromMilliseconds(20) };
        using SemaphoreSlim gate = new(0);
        Task held = await server.HoldAsync(gate);
        string body = new JsonObject { ["prompt"] = "x", ["max_tokens"] = 4, ["stream"] = true }.ToJsonString();
        using HttpRequestMessage request = new(HttpMethod.Post, Path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage answer = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using StreamReader reader = new(await answer.Content.ReadAsStreamAsync());
        for (int pings = 0; pings < 2;)
        {
            string line = await reader.ReadLineAsync() ?? throw new EndOfStreamException("The stream ended before its second ping.");
            pings += line == ": ping" ? 1 : 0;
        }

        gate.Release();
        string rest = await reader.ReadToEndAsync();
        server.Limits = new ServerOptions();

        await held;
        Assert.EndsWith("data: [DONE]\n\n", rest);
    }

    [Fact]
    public async Task WallTime_EndsARunningStreamWithAnErrorAndOthersWith504()
    {
        server.Limits = new ServerOptions { WallTime = TimeSpan.FromMilliseconds(500), PingInterval = TimeSpan.FromMilliseconds(20) };
        using SemaphoreSlim gate = new(0);
        Task held = await server.HoldAsync(gate);
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 4 };
        Task<(int Status, JsonNode Body)> whole = server.PostAsync(Path, body.ToJsonString());
        body["stream"] = true;
        Task<List<string>> stream = server.StreamAsync(Path, body);
        Assert.True(SpinWait.SpinUntil(() => server.Models["tiny"].Engine.Status.Waiting == 2, 10_000));
        await Task.Delay(700);
        gate.Release();
        List<string> events = await stream;
        (int status, JsonNode answer) = await whole;
        server.Limits = new ServerOptions();

        await held;
        Assert.Equal(504, status);
        Assert.Equal("timeout_error", (string?)answer["error"]!["type"]);
        Assert.Equal("timeout_error", (string?)JsonNode.Parse(events[^1])!["error"]!["type"]);
    }

    private static string TextOf(IEnumerable<JsonNode> chunks, int index = 0) => string.Concat(chunks
        .Where(chunk => (int)chunk["choices"]![0]!["index"]! == index)
        .Select(chunk => (string)chunk["choices"]![0]!["text"]!));
}
