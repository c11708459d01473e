using System.Text.Json.Nodes;

namespace Cinnabar.Server.Tests.Api;

/// <summary>Several calls of an answer, and calls and results of earlier turns.</summary>
public sealed partial class ToolTests
{
    [Theory]
    [InlineData(null, 2)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task ParallelCalls_AreGivenBackUnlessOneIsAskedFor(bool? parallel, int calls)
    {
        JsonObject body = Body("tools", seed: 1);
        body["max_tokens"] = 130;
        body["parallel_tool_calls"] = parallel;
        string call = "<tool_call>\\{\"name\":\"time\",\"arguments\":\\{\\}\\}</tool_call>";
        body["response_format"] = new JsonObject { ["type"] = "regex", ["pattern"] = $"So:{call}{call}" };
        JsonNode message = (await server.AskAsync(Path, body))["choices"]![0]!["message"]!;
        Assert.Equal(calls, message["tool_calls"]!.AsArray().Count);
        Assert.Equal("So:", (string?)message["content"]);

        body["stream"] = true;
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);
        Assert.Equal(calls, chunks.Sum(chunk => chunk["choices"]![0]!["delta"]!["tool_calls"]?.AsArray().Count ?? 0));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    public async Task EmptyArguments_AreNone(string arguments)
    {
        JsonObject body = Body("tools", seed: 1);
        JsonObject call = new() { ["id"] = "a", ["function"] = new JsonObject { ["name"] = "time", ["arguments"] = arguments } };
        body["messages"] = new JsonArray(
            new JsonObject { ["role"] = "assistant", ["tool_calls"] = new JsonArray(call) },
            new JsonObject { ["role"] = "tool", ["tool_call_id"] = "a", ["content"] = "noon" });
        Assert.Contains("<tool_call>time {}</tool_call>", await PromptAsync(body));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task History_CallsAndResults_AreSeenByTheModel(string model)
    {
        JsonObject body = Body(model, seed: 1);
        body["messages"] = JsonNode.Parse(
            """
            [{"role":"user","content":"How warm?"},
             {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":
               {"name":"weather","arguments":"{\"city\":\"Rome\",\"days\":1}"}}]},
             {"role":"tool","tool_call_id":"call_1","content":"21"},
             {"role":"user","content":"Thanks."}]
            """);
        string seen = await PromptAsync(body);
        Assert.Contains("Rome", seen);
        Assert.Contains("21", seen);
        Assert.True(seen.IndexOf("Rome", StringComparison.Ordinal) < seen.IndexOf("21", StringComparison.Ordinal));
        Assert.EndsWith("Thanks.assistant: ", seen);
        string result = model == "tools" ? "21[call_1]" : "Result of weather: 21";
        Assert.Contains(result, seen);

        // Whether or not more may be called.
        body["tool_choice"] = "none";
        string past = await PromptAsync(body);
        Assert.Contains("Rome", past);
        Assert.Contains(result, past);
        Assert.DoesNotContain("Now.", past);
    }

    // Whether or not the template writes the JSON.
    [Theory]
    [MemberData(nameof(Models))]
    public async Task History_Arguments_AreShownWithoutEscapes(string model)
    {
        JsonObject body = Body(model, seed: 1);
        body["messages"] = JsonNode.Parse(
            """
            [{"role":"assistant","tool_calls":[{"function":{"name":"weather","arguments":"{\"city\":\"Zürich <'>\"}"}}]},
             {"role":"user","content":"x"}]
            """);
        Assert.Contains("""{"city": "Zürich <'>"}""", await PromptAsync(body));
    }

    [Fact]
    public async Task ArgumentsOfManyLevels_AreRefusedWithTheirPath()
    {
        foreach ((int levels, bool isRefused) in ((int, bool)[])[(50, false), (57, true), (62, true), (64, true), (200, true)])
        {
            string nested = $"{{\"a\":{new string('[', levels - 1)}{new string(']', levels - 1)}}}";
            JsonObject call = new() { ["function"] = new JsonObject { ["name"] = "f", ["arguments"] = nested } };
            JsonObject body = Body("long", seed: 1);
            body["messages"] = new JsonArray(
                new JsonObject { ["role"] = "assistant", ["tool_calls"] = new JsonArray(call) },
                new JsonObject { ["role"] = "user", ["content"] = "x" });
            if (isRefused)
            {
                await server.RefuseAsync(Path, body, "messages[0].tool_calls[0].function.arguments");
            }
            else
            {
                await server.AskAsync(Path, body);
            }
        }
    }

    // The known text of the canvas.
    private async Task<string> PromptAsync(JsonObject body)
    {
        JsonObject stream = body.DeepClone().AsObject();
        stream["stream"] = true;
        stream["stream_options"] = new JsonObject { ["include_steps"] = true };
        JsonNode canvas = (await server.ChunksAsync(Path, stream))[0]["diffusion"]!;
        int known = (int)canvas["holes"]![0]!["start"]!;
        int[] ids = [.. canvas["ids"]!.AsArray().Take(known).Select(id => (int)id!)];
        return server.Models[(string)body["model"]!].Engine.Model.Tokenizer.Decode(ids);
    }
}
