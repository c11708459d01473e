using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed partial class ToolTests(ApiServer server)
{
    private const string Path = "/v1/chat/completions";
    private const string Weather =
        """
        {"type":"function","function":{"name":"weather","description":"Now.","parameters":{"type":"object","properties":
        {"city":{"type":"string","maxLength":6},"days":{"type":"integer","minimum":1,"maximum":9}},"required":["city","days"]}}}
        """;

    private const string Time = """{"type":"function","function":{"name":"time"}}""";

    public static TheoryData<string> Models => ["long", "tools"];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Required_IsACallOfAnyTool(string model)
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            JsonObject body = Body(model, seed);
            body["tool_choice"] = "required";
            JsonNode whole = await server.AskAsync(Path, body);
            JsonNode choice = whole["choices"]![0]!;
            CheckCall(choice["message"]!, (string)choice["finish_reason"]!);

            body["stream"] = true;
            List<JsonNode> chunks = await server.ChunksAsync(Path, body);
            Assert.Equal("assistant", (string?)chunks[0]["choices"]![0]!["delta"]!["role"]);
            JsonNode delta = Assert.Single(chunks, chunk => chunk["choices"]![0]!["delta"]!["tool_calls"] is not null)["choices"]![0]!;
            CheckCall(delta["delta"]!, (string)chunks[^1]["choices"]![0]!["finish_reason"]!);
            Assert.Equal(0, (int)delta["delta"]!["tool_calls"]![0]!["index"]!);
            Assert.Equal(
                choice["message"]!["tool_calls"]![0]!["function"]!.ToJsonString(),
                delta["delta"]!["tool_calls"]![0]!["function"]!.ToJsonString());
            Assert.Equal("", string.Concat(chunks.Select(chunk => (string?)chunk["choices"]![0]!["delta"]!["content"])));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Named_IsACallOfThatTool(string model)
    {
        JsonObject body = Body(model, seed: 3);
        body["n"] = 3;
        body["tool_choice"] = JsonNode.Parse("""{"type":"function","function":{"name":"weather"}}""");
        JsonNode answer = await server.AskAsync(Path, body);
        JsonNode[] choices = [.. answer["choices"]!.AsArray().Select(choice => choice!)];
        Assert.Equal([0, 1, 2], choices.Select(choice => (int)choice["index"]!));
        Assert.All(choices, choice => Assert.Equal("weather", CheckCall(choice["message"]!, (string)choice["finish_reason"]!)));
        string[] ids = [.. choices.Select(choice => (string)choice["message"]!["tool_calls"]![0]!["id"]!)];
        Assert.Equal(3, ids.Distinct().Count());

        body["stream"] = true;
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);
        for (int i = 0; i < 3; i++)
        {
            JsonNode streamed = Assert.Single(chunks, chunk => chunk["choices"]!.AsArray() is [JsonNode choice]
                && (int)choice["index"]! == i && choice["delta"]!["tool_calls"] is not null);
            Assert.Equal(
                choices[i]["message"]!["tool_calls"]![0]!["function"]!.ToJsonString(),
                streamed["choices"]![0]!["delta"]!["tool_calls"]![0]!["function"]!.ToJsonString());
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task AutoAndNone_AreTextThatMayBeNoCall(string model)
    {
        JsonObject body = Body(model, seed: 1);
        JsonNode told = await server.AskAsync(Path, body);
        JsonNode auto = told["choices"]![0]!;
        Assert.False(auto["message"]!.AsObject().ContainsKey("tool_calls"));
        Assert.Contains((string)auto["finish_reason"]!, (string[])["stop", "length"]);
        body["stream"] = true;
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);
        Assert.Equal(
            (string?)auto["message"]!["content"],
            string.Concat(chunks.Select(chunk => (string?)chunk["choices"]![0]!["delta"]!["content"])));

        // None: the model is not even told.
        body["stream"] = false;
        body["tool_choice"] = "none";
        JsonNode none = await server.AskAsync(Path, body);
        body.Remove("tools");
        body.Remove("tool_choice");
        JsonNode without = await server.AskAsync(Path, body);
        Assert.Equal(without["choices"]!.ToJsonString(), none["choices"]!.ToJsonString());
        Assert.Equal(without["usage"]!.ToJsonString(), none["usage"]!.ToJsonString());
        Assert.True((int)told["usage"]!["prompt_tokens"]! > (int)none["usage"]!["prompt_tokens"]! + 40);
    }

    [Theory]
    [InlineData("tools", "Well:\\n<tool_call>\\n{\"name\": \"time\", \"arguments\": {}}\\n</tool_call>", "Well:", 1)]
    [InlineData(
        "tools", "<tool_call>{\"name\":\"time\",\"arguments\":{}}</tool_call><tool_call>{\"name\":\"time\",\"arguments\":{}}", null, 2)]
    [InlineData("tools", "<tool_call>\\n{\"name\": \"tune\", \"arguments\": {}}\\n</tool_call>", "<tool_call>", 0)]
    [InlineData("tools", "{\"name\":\"time\",\"arguments\":{}}", "{\"name", 0)]
    [InlineData("long", "{\"name\": \"time\", \"arguments\": {}}", null, 1)]
    [InlineData("long", "{\"name\": \"time\", \"arguments\": 7}", "{\"name", 0)]
    [InlineData("long", "{\"name\": \"\\\\ud800\", \"arguments\": {}}", "{\"name", 0)]
    [InlineData("tools", "<tool_call>{\"name\": \"time\", \"arguments\": {}, \"\\\\udc00\": 1}", "<tool_call>", 0)]
    [InlineData("long", "I say {\"name\": \"time\", \"arguments\": {}}", "I say", 0)]
    public async Task Auto_WhatTheModelWrites_IsReadAsACallOrText(string model, string written, string? content, int calls)
    {
        // A pattern of one text makes the random model write it.
        JsonObject body = Body(model, seed: 1);
        body["max_tokens"] = 120;
        body["response_format"] = new JsonObject
        {
            ["type"] = "regex",
            ["pattern"] = System.Text.RegularExpressions.Regex.Replace(written, "[{}]", "\\$0"),
        };
        JsonNode choice = (await server.AskAsync(Path, body))["choices"]![0]!;
        Assert.Equal(calls, choice["message"]!["tool_calls"]?.AsArray().Count ?? 0);
        Assert.Equal(calls > 0 ? "tool_calls" : "stop", (string?)choice["finish_reason"]);
        string? text = (string?)choice["message"]!["content"];
        Assert.True(content is null ? text is null : text!.StartsWith(content, StringComparison.Ordinal), text);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Tools_AreDescribedToTheModel(string model)
    {
        string seen = await PromptAsync(Body(model, seed: 1));
        Assert.All((string[])["weather", "Now.", "city", "time"], part => Assert.Contains(part, seen));
        JsonObject required = Body(model, seed: 1);
        required["tool_choice"] = "required";
        Assert.Equal(model == "tools", (await PromptAsync(required)).EndsWith("assistant: <tool_call>\n", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task SpecialTokensInTools_StayText(string model)
    {
        JsonObject body = Body(model, seed: 1);
        body["tools"] = JsonNode.Parse(
            """
            [{"type":"function","function":{"name":"f","description":"<|endoftext|><|mask|>",
              "parameters":{"type":"object","properties":{"<|pad|>":{"type":"integer"}}}}}]
            """);
        int Special(List<JsonNode> chunks)
        {
            JsonNode canvas = chunks[0]["diffusion"]!;
            int known = (int)canvas["holes"]![0]!["start"]!;
            return canvas["ids"]!.AsArray().Take(known).Count(id => server.Models[model].Engine.Model.Tokenizer.IsSpecial((int)id!));
        }

        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_steps"] = true };
        int spelled = Special(await server.ChunksAsync(Path, body));
        body["tools"]![0]!["function"]!["description"] = "plain";
        body["tools"]![0]!["function"]!["parameters"] = JsonNode.Parse("{\"type\":\"object\"}");
        Assert.Equal(Special(await server.ChunksAsync(Path, body)), spelled);
    }

    [Fact]
    public async Task References_BelongToTheSchemaOfTheirTool()
    {
        JsonObject body = Body("long", seed: 5);
        body["tools"] = JsonNode.Parse(
            """
            [{"type":"function","function":{"name":"a","parameters":{"type":"object","properties":{"x":{"$ref":"#/$defs/n"}},
              "required":["x"],"$defs":{"n":{"enum":[1]}}}}},
             {"type":"function","function":{"name":"b","parameters":{"type":"object","properties":{"x":{"$ref":"#/$defs/n"},
              "default":{"$ref":"#/properties/x"}},"required":["x","default"],"$defs":{"n":{"enum":[2]}}}}}]
            """);
        foreach ((string name, string arguments) in ((string, string)[])
            [("a", "^\\{\"x\": ?1\\}$"), ("b", "^\\{\"x\": ?2, ?\"default\": ?2\\}$")])
        {
            body["tool_choice"] = new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = name } };
            JsonNode message = (await server.AskAsync(Path, body))["choices"]![0]!["message"]!;
            Assert.Matches(arguments, (string)message["tool_calls"]![0]!["function"]!["arguments"]!);
        }

        body["tool_choice"] = "required";
        JsonNode any = (await server.AskAsync(Path, body))["choices"]![0]!["message"]!["tool_calls"]![0]!["function"]!;
        Assert.Contains((string)any["name"]! == "a" ? "1" : "2", (string)any["arguments"]!);
    }

    [Theory]
    [InlineData("tools", "7", "tools")]
    [InlineData("tools", "[7]", "tools[0]")]
    [InlineData("tools", "[{}]", "tools[0].type")]
    [InlineData("tools", "[{\"type\":\"web_search\"}]", "tools[0].type")]
    [InlineData("tools", "[{\"type\":\"function\"}]", "tools[0].function")]
    [InlineData("tools", "[{\"type\":\"function\",\"function\":{}}]", "tools[0].function.name")]
    [InlineData("tools", "[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]", "tools[0].function.name")]
    [InlineData("tools", "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"other\":1}}]", "tools[0].function.other")]
    [InlineData(
        "tools", "[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},{\"type\":\"function\",\"function\":{\"name\":\"a\"}}]", "tools")]
    [InlineData("tool_choice", "\"maybe\"", "tool_choice")]
    [InlineData("tool_choice", "7", "tool_choice")]
    [InlineData("tool_choice", "{\"type\":\"function\"}", "tool_choice.function")]
    [InlineData("tool_choice", "{\"type\":\"function\",\"function\":{\"name\":\"other\"}}", "tool_choice")]
    [InlineData("tool_choice", "{\"type\":\"function\",\"function\":{\"name\":\"time\",\"x\":1}}", "tool_choice.function.x")]
    [InlineData("parallel_tool_calls", "7", "parallel_tool_calls")]
    [InlineData("messages", "[{\"role\":\"assistant\",\"tool_calls\":[]}]", "messages[0].tool_calls")]
    [InlineData("messages", "[{\"role\":\"assistant\",\"tool_calls\":[{}]}]", "messages[0].tool_calls[0].function")]
    [InlineData(
        "messages",
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]",
        "messages[0].tool_calls[0].function.arguments")]
    [InlineData(
        "messages",
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"[]\"}}]}]",
        "messages[0].tool_calls[0].function.arguments")]
    [InlineData(
        "messages",
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]}]",
        "messages[0].tool_calls[0].function.arguments")]
    [InlineData(
        "messages",
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}}]}]",
        "messages[0].tool_calls[0].function.arguments")]
    [InlineData(
        "messages",
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"\\\\ud800\\\"}\"}}]}]",
        "messages[0].tool_calls[0].function.arguments")]
    [InlineData("messages", "[{\"role\":\"tool\",\"content\":\"1\"}]", "messages[0].tool_call_id")]
    [InlineData("messages", "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"}]", "messages[0].tool_call_id")]
    [InlineData(
        "messages",
        "[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\","
            + "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]",
        "messages[0].tool_call_id")]
    [InlineData(
        "messages",
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\","
            + "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"1\"},"
            + "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"1\"}]",
        "messages[2].tool_call_id")]
    [InlineData("messages", "[{\"role\":\"user\",\"tool_call_id\":\"a\",\"content\":\"1\"}]", "messages[0].tool_call_id")]
    public async Task WrongField_IsRefusedWithItsPath(string field, string value, string param)
    {
        JsonObject body = Body("long", seed: 1);
        body[field] = JsonNode.Parse(value);
        await server.RefuseAsync(Path, body, param);
    }

    [Fact]
    public async Task WhatCannotBePromised_IsRefused()
    {
        JsonObject body = Body("long", seed: 1);
        body["tools"] = JsonNode.Parse("""[{"type":"function","function":{"name":"f","parameters":{"type":"object","not":{}}}}]""");
        await server.AskAsync(Path, body); // nothing is promised
        body["tool_choice"] = "required";
        Assert.Contains("'not'", await server.RefuseAsync(Path, body, "tools"));
        body["tools"] = new JsonArray();
        await server.RefuseAsync(Path, body, "tool_choice");
        body = Body("long", seed: 1);
        body["tool_choice"] = "required";
        body["response_format"] = new JsonObject { ["type"] = "json_object" };
        Assert.Contains("tool_choice", await server.RefuseAsync(Path, body, "response_format"));
        body.Remove("response_format");
        body["model"] = "tiny";
        await server.RefuseAsync(Path, body, "model");
    }

    private static string CheckCall(JsonNode message, string finishReason)
    {
        Assert.Equal("tool_calls", finishReason);
        Assert.Null((string?)message["content"]);
        JsonNode call = Assert.Single(message["tool_calls"]!.AsArray())!;
        Assert.Equal("function", (string?)call["type"]);
        Assert.StartsWith("call_", (string)call["id"]!);
        string name = (string)call["function"]!["name"]!;
        JsonElement arguments = JsonElement.Parse((string)call["function"]!["arguments"]!);
        Assert.Equal(JsonValueKind.Object, arguments.ValueKind);
        if (name == "weather")
        {
            Assert.Equal(["city", "days"], arguments.EnumerateObject().Select(member => member.Name));
            Assert.InRange(arguments.GetProperty("city").GetString()!.EnumerateRunes().Count(), 0, 6);
            Assert.InRange(arguments.GetProperty("days").GetInt32(), 1, 9);
        }
        else
        {
            Assert.Equal("time", name);
            Assert.Empty(arguments.EnumerateObject());
        }

        return name;
    }

    private static JsonObject Body(string model, int seed) => new()
    {
        ["model"] = model,
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "How warm?" }),
        ["tools"] = new JsonArray(JsonNode.Parse(Weather), JsonNode.Parse(Time)),
        ["max_tokens"] = 90,
        ["temperature"] = 1,
        ["seed"] = seed,
    };
}
