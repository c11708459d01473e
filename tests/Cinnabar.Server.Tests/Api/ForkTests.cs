using System.Text.Json.Nodes;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class ForkTests(ApiServer server)
{
    private const string Path = "/v1/completions";

    [Fact]
    public async Task CanvasOfAStep_LeadsToTheSameText()
    {
        (JsonObject body, int[] ids, List<JsonNode> chunks) = await HalfwayAsync();
        body["canvas"] = new JsonObject { ["ids"] = List(ids) };
        JsonNode again = await server.AskAsync(Path, body);

        Assert.Equal(TextOf(chunks), (string?)again["choices"]![0]!["text"]);
        Assert.True((int)again["diffusion"]!["steps"]! < (int)chunks[^1]["diffusion"]!["steps"]!);
    }

    [Fact]
    public async Task PinsStandAndBansStayAway()
    {
        (JsonObject body, int[] ids, List<JsonNode> chunks) = await HalfwayAsync();
        int mask = (int)chunks[0]["diffusion"]!["mask"]!;
        int free = Array.IndexOf(ids, mask);
        int pinned = server.Tiny.Tokenizer.Encode("Q")[0];
        JsonNode[] written = [.. chunks.SelectMany(chunk => chunk["diffusion"]?["committed"]?.AsArray() ?? []).Select(node => node!)];
        int usual = (int)written.First(commit => (int)commit["position"]! == free)["token"]!;
        body["pins"] = new JsonArray(new JsonObject { ["position"] = free + 1, ["token"] = pinned });
        body["bans"] = new JsonArray(new JsonObject { ["position"] = free, ["tokens"] = new JsonArray(usual) });
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_steps"] = true };
        List<JsonNode> forked = await server.ChunksAsync(Path, body);

        Assert.Equal(pinned, (int)forked[0]["diffusion"]!["ids"]![free + 1]!);
        Assert.Equal("Q", (string?)forked[0]["diffusion"]!["pieces"]![free + 1]);
        JsonNode[] commits = [.. forked.SelectMany(chunk => chunk["diffusion"]?["committed"]?.AsArray() ?? []).Select(node => node!)];
        Assert.DoesNotContain(commits, commit => (int)commit["position"]! == free + 1);
        Assert.NotEqual(usual, (int)commits.Single(commit => (int)commit["position"]! == free)["token"]!);
        Assert.Contains('Q', TextOf(forked));
    }

    [Theory]
    [InlineData("{\"canvas\":{\"ids\":[1,2,3]}}", "canvas.ids")]
    [InlineData("{\"canvas\":{}}", "canvas.ids")]
    [InlineData("{\"canvas\":{\"ids\":[5000]}}", "canvas.ids[0]")]
    [InlineData("{\"canvas\":7}", "canvas")]
    [InlineData("{\"pins\":[{\"position\":0,\"token\":9}]}", "pins[0]")]
    [InlineData("{\"pins\":[{\"position\":5,\"token\":0}]}", "pins[0]")]
    [InlineData("{\"pins\":[{\"position\":5,\"token\":1}]}", "pins[0]")]
    [InlineData("{\"pins\":[{\"position\":5,\"token\":3}]}", "pins[0]")]
    [InlineData("{\"pins\":[{\"position\":5}]}", "pins[0].token")]
    [InlineData("{\"pins\":[{\"position\":5,\"token\":5000}]}", "pins[0].token")]
    [InlineData("{\"pins\":[{\"position\":1000000,\"token\":9}]}", "pins[0]")]
    [InlineData("{\"bans\":[{\"position\":0,\"tokens\":[9]}]}", "bans[0]")]
    [InlineData("{\"bans\":[{\"position\":5,\"tokens\":[]}]}", "bans[0].tokens")]
    [InlineData("{\"bans\":[{\"position\":5,\"tokens\":[5000]}]}", "bans[0].tokens[0]")]
    public async Task WhatDoesNotFit_IsRefused(string fork, string param)
    {
        JsonObject body = JsonNode.Parse(fork)!.AsObject();
        body["prompt"] = "ab";
        body["max_tokens"] = 6;

        await server.RefuseAsync(Path, body, param);
    }

    // A request, the state of its canvas after half of its steps, and all of its stream.
    private async Task<(JsonObject Body, int[] Ids, List<JsonNode> Chunks)> HalfwayAsync()
    {
        JsonObject body = new() { ["prompt"] = "int a", ["max_tokens"] = 16, ["seed"] = 11 };
        JsonObject streamed = body.DeepClone().AsObject();
        streamed["stream"] = true;
        streamed["stream_options"] = new JsonObject { ["include_steps"] = true };
        List<JsonNode> chunks = await server.ChunksAsync(Path, streamed);
        int[] ids = [.. chunks[0]["diffusion"]!["ids"]!.AsArray().Select(id => (int)id!)];
        foreach (JsonNode? commit in chunks.Skip(1).Take(8).SelectMany(chunk => chunk["diffusion"]!["committed"]!.AsArray()))
        {
            ids[(int)commit!["position"]!] = (int)commit["token"]!;
        }

        return (body, ids, chunks);
    }

    private static JsonArray List(int[] ids) => new([.. ids.Select(id => (JsonNode)id)]);

    private static string TextOf(IEnumerable<JsonNode> chunks) =>
        string.Concat(chunks.Select(chunk => (string)chunk["choices"]![0]!["text"]!));
}
