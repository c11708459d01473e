using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class ResponseFormatTests(ApiServer server)
{
    private const string Completions = "/v1/completions";
    private const string Schema =
        """{"type":"object","properties":{"a":{"type":"integer","minimum":0,"maximum":99},"b":{"enum":["x","y"]}},"required":["a","b"]}""";

    public static TheoryData<string> Ways =>
    [
        "{}", "{\"temperature\":1}", "{\"temperature\":1.5,\"top_p\":0.8,\"steps\":5}", "{\"threshold\":0.02,\"temperature\":0.7}",
        "{\"block_length\":5,\"temperature\":1}", "{\"remasking\":\"origin\",\"remdm\":\"cap\",\"steps\":30,\"temperature\":1}",
        "{\"edit_threshold\":0.02,\"steps\":12}", "{\"threshold\":0.02,\"verify_threshold\":0.01,\"temperature\":1}", "{\"max_passes\":2}",
        "{\"model\":\"left\",\"temperature\":1}", "{\"remask_below\":0.02,\"threshold\":0.02,\"block_length\":8}", "{\"cfg_scale\":1}",
        "{\"model\":\"drafting\",\"temperature\":1}", "{\"model\":\"drafting\",\"max_passes\":3}",
    ];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task EachFormat_HoldsInAnswersAndStreams(string way)
    {
        foreach (string format in (string[])
            [
                "{\"type\":\"json_object\"}", "{\"type\":\"regex\",\"pattern\":\"(ab|c){1,4}=[0-9]+é\"}",
                $"{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"pair\",\"strict\":true,\"schema\":{Schema}}}}}",
            ])
        {
            foreach (string? suffix in (string?[])[null, "\r\n}"])
            {
                JsonObject body = JsonNode.Parse(way)!.AsObject();
                body["prompt"] = "a\r\nint x = ";
                body["suffix"] = suffix;
                body["max_tokens"] = 34;
                body["seed"] = format.Length;
                body["response_format"] = JsonNode.Parse(format);
                JsonNode whole = await server.AskAsync(Completions, body);
                string text = (string)whole["choices"]![0]!["text"]!;
                Assert.True(Holds(format, text), $"{way} {format}: '{text}'");
                Assert.Equal("stop", (string?)whole["choices"]![0]!["finish_reason"]);

                body["stream"] = true;
                List<JsonNode> chunks = await server.ChunksAsync(Completions, body);
                Assert.Equal(text, string.Concat(chunks.Select(chunk => (string?)chunk["choices"]![0]!["text"])));
                Assert.Equal("stop", (string?)chunks[^1]["choices"]![0]!["finish_reason"]);
            }
        }
    }

    [Fact]
    public async Task Text_IsNoConstraint()
    {
        JsonObject body = Body();
        JsonNode plain = await server.AskAsync(Completions, body);
        body["response_format"] = new JsonObject { ["type"] = "text" };
        JsonNode text = await server.AskAsync(Completions, body);
        Assert.Equal((string?)plain["choices"]![0]!["text"], (string?)text["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task SeveralTexts_AllHoldAndDiffer()
    {
        JsonObject body = Body();
        body["n"] = 4;
        body["temperature"] = 1;
        body["response_format"] = JsonNode.Parse("{\"type\":\"regex\",\"pattern\":\"[a-z]{6,20}\"}");
        JsonNode answer = await server.AskAsync(Completions, body);
        string[] texts = [.. answer["choices"]!.AsArray().Select(choice => (string)choice!["text"]!)];
        Assert.All(texts, text => Assert.Matches("^[a-z]{6,20}\\z", text));
        Assert.Equal(4, texts.Distinct().Count());
    }

    [Fact]
    public async Task StopText_CutsTheConstrainedText()
    {
        JsonObject body = Body();
        body["response_format"] = JsonNode.Parse($"{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"pair\",\"schema\":{Schema}}}}}");
        string whole = (string)(await server.AskAsync(Completions, body))["choices"]![0]!["text"]!;
        body["stop"] = "\"b\"";
        JsonNode stopped = await server.AskAsync(Completions, body);
        Assert.Equal(whole[..whole.IndexOf("\"b\"", StringComparison.Ordinal)], (string?)stopped["choices"]![0]!["text"]);
        Assert.Equal("stop", (string?)stopped["choices"]![0]!["finish_reason"]);
        body["stop"] = "not in any such text";
        Assert.Equal(whole, (string?)(await server.AskAsync(Completions, body))["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task Holes_HaveConstraintsOfTheirOwn()
    {
        JsonObject body = JsonNode.Parse($$$"""
            {"segments": ["int a = ", {"hole": {"max_tokens": 6, "regex": "[0-9]{1,4}"}}, "; // ", {"hole": {"max_tokens": 8}}, "\n",
            {"hole": {"max_tokens": 30, "json_schema": {{{Schema}}}}}, "\n"], "seed": 4, "temperature": 1}
            """)!.AsObject();
        JsonNode whole = await server.AskAsync("/v1/infill", body);
        string[] holes = [.. whole["holes"]!.AsArray().Select(hole => (string)hole!["text"]!)];
        Assert.Matches("^[0-9]{1,4}\\z", holes[0]);
        Assert.True(Holds("json_schema", holes[2]), holes[2]);
        Assert.Equal($"int a = {holes[0]}; // {holes[1]}\n{holes[2]}\n", (string?)whole["text"]);

        body["stream"] = true;
        List<JsonNode> chunks = await server.ChunksAsync("/v1/infill", body);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(holes[i], string.Concat(chunks.SelectMany(chunk => chunk["holes"]!.AsArray())
                .Where(hole => (int)hole!["index"]! == i).Select(hole => (string)hole!["delta"]!)));
        }

        // A format of the whole request is for the holes without one.
        body["stream"] = false;
        body["response_format"] = JsonNode.Parse("{\"type\":\"regex\",\"pattern\":\"[A-F]+\"}");
        JsonNode formatted = await server.AskAsync("/v1/infill", body);
        string[] others = [.. formatted["holes"]!.AsArray().Select(hole => (string)hole!["text"]!)];
        Assert.Matches("^[0-9]{1,4}\\z", others[0]);
        Assert.Matches("^[A-F]+\\z", others[1]);
        Assert.True(Holds("json_schema", others[2]), others[2]);
    }

    [Fact]
    public async Task PinnedAndBannedTokens_GoWithAConstraint()
    {
        int a = server.Tiny.Tokenizer.Encode("a")[0];
        int known = server.Tiny.CanvasFor("int x = ", 12).Canvas.Holes[0].Start;
        JsonObject body = Body();
        body["max_tokens"] = 12;
        body["response_format"] = JsonNode.Parse("{\"type\":\"regex\",\"pattern\":\"[a-c]{5,10}\"}");
        body["pins"] = JsonNode.Parse($"[{{\"position\":{known + 2},\"token\":{a}}}]");
        body["bans"] = JsonNode.Parse($"[{{\"position\":{known},\"tokens\":[{a}]}}]");
        Assert.Matches("^[a-c]{5,10}\\z", (string?)(await server.AskAsync(Completions, body))["choices"]![0]!["text"]);
        body["pins"] = JsonNode.Parse($"[{{\"position\":{known + 2},\"token\":{server.Tiny.Tokenizer.Encode("x")[0]}}}]");
        Assert.Contains($"stands at position {known + 2}", await server.RefuseAsync(Completions, body, "response_format"));
    }

    [Theory]
    [InlineData("7", "response_format", "an object")]
    [InlineData("{}", "response_format.type", "Add it")]
    [InlineData("{\"type\":\"xml\"}", "response_format.type", "text, json_object, json_schema, regex")]
    [InlineData("{\"type\":\"json_schema\"}", "response_format.json_schema", "Add it")]
    [InlineData("{\"type\":\"json_schema\",\"json_schema\":{}}", "response_format.json_schema.schema", "Add it")]
    [InlineData("{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"not\":{}}}}", "response_format.json_schema.schema", "'not'")]
    [InlineData("{\"type\":\"json_schema\",\"json_schema\":{\"schema\":7}}", "response_format.json_schema.schema", "schema")]
    [InlineData(
        "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{},\"other\":1}}", "response_format.json_schema.other", "none of them")]
    [InlineData("{\"type\":\"regex\"}", "response_format.pattern", "Add it")]
    [InlineData("{\"type\":\"regex\",\"pattern\":\"a(\"}", "response_format.pattern", "a(")]
    [InlineData("{\"type\":\"regex\",\"pattern\":7}", "response_format.pattern", "text")]
    [InlineData("{\"type\":\"regex\",\"pattern\":\"[^\\\\s\\\\S]\"}", "response_format.pattern", "matches")]
    [InlineData("{\"type\":\"text\",\"pattern\":\"a\"}", "response_format.pattern", "none of them")]
    public async Task WrongFormat_IsRefusedWithItsPath(string format, string param, string says)
    {
        JsonObject body = Body();
        body["response_format"] = JsonNode.Parse(format);
        Assert.Contains(says, await server.RefuseAsync(Completions, body, param), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"regex\":\"a[\"}", "segments[1].hole.regex", "a[")]
    [InlineData("{\"regex\":7}", "segments[1].hole.regex", "text")]
    [InlineData("{\"json_schema\":{\"type\":\"thing\"}}", "segments[1].hole.json_schema", "thing")]
    [InlineData("{\"json_schema\":{},\"regex\":\"a\"}", "segments[1].hole.regex", "both")]
    public async Task WrongConstraintOfAHole_IsRefusedWithItsPath(string hole, string param, string says)
    {
        JsonObject body = new() { ["segments"] = JsonNode.Parse($"[\"a\",{{\"hole\":{hole}}}]") };
        Assert.Contains(says, await server.RefuseAsync("/v1/infill", body, param), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoTextThatFits_IsRefusedBeforeAnyStep()
    {
        JsonObject body = Body();
        body["max_tokens"] = 4;
        body["response_format"] = JsonNode.Parse("{\"type\":\"regex\",\"pattern\":\"[0-9]{9}\"}");
        Assert.Contains("the shortest needs 9", await server.RefuseAsync(Completions, body, "response_format"));
        body["stream"] = true;
        Assert.Contains("the shortest needs 9", await server.RefuseAsync(Completions, body, "response_format"));
        Assert.Contains("hole 1 of 2 tokens", await server.RefuseAsync(
            "/v1/infill",
            new JsonObject
            {
                ["segments"] = JsonNode.Parse("[\"a\",{\"hole\":{}},\"b\",{\"hole\":{\"max_tokens\":2,\"regex\":\"[0-9]{9}\"}}]"),
            },
            "segments[3].hole.regex"));
        Assert.Contains("hole 0 of 2 tokens", await server.RefuseAsync(
            "/v1/infill",
            new JsonObject
            {
                ["segments"] = JsonNode.Parse("[\"a\",{\"hole\":{\"max_tokens\":2}},\"b\",{\"hole\":{\"regex\":\"[0-9]{9}\"}}]"),
                ["response_format"] = JsonNode.Parse("{\"type\":\"regex\",\"pattern\":\"[0-9]{9}\"}"),
            },
            "response_format"));
    }

    [Fact]
    public async Task Edits_HaveNoFormat() => Assert.Contains("/v1/chat/completions", await server.RefuseAsync(
        "/v1/edit/completions",
        new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "x" }),
            ["response_format"] = new JsonObject { ["type"] = "json_object" },
        },
        "response_format"));

    private static bool Holds(string format, string text)
    {
        if (format.Contains("\"regex\"", StringComparison.Ordinal))
        {
            return Regex.IsMatch(text, "\\A(ab|c){1,4}=[0-9]+é\\z");
        }

        JsonElement json = JsonElement.Parse(text);
        return json.ValueKind == JsonValueKind.Object && (format.Contains("json_object", StringComparison.Ordinal)
            || (json.EnumerateObject().Select(member => member.Name).SequenceEqual(["a", "b"])
                && json.GetProperty("a").GetInt32() is >= 0 and <= 99
                && json.GetProperty("b").GetString() is "x" or "y"));
    }

    private static JsonObject Body() => new() { ["prompt"] = "int x = ", ["max_tokens"] = 30, ["seed"] = 2 };
}
