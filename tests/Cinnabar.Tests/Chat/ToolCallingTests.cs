using System.Text.Json;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

public sealed class ToolCallingTests
{
    private static readonly ChatTemplateFile s_tagged = Template("{% for t in tools %}<tool_call>{% endfor %}{{ messages[0].tool_calls }}");
    private static readonly ChatTemplateFile s_plain = Template("{{ messages[0].content }}");

    [Fact]
    public void Read_ClosingTagInsideOfArguments_StaysThere()
    {
        const string Call = """{"name": "write", "arguments": {"text": "a</tool_call>b"}}""";
        ToolCalling may = new([Tool("write", null)], s_tagged);
        (string text, IReadOnlyList<ToolCall> calls) = may.Read($"So: <tool_call>{Call}</tool_call><tool_call>{Call}</tool_call>");
        Assert.Equal("So:", text);
        Assert.Equal(2, calls.Count);
        Assert.All(calls, call => Assert.Contains("a</tool_call>b", call.Arguments, StringComparison.Ordinal));

        ToolCalling must = new([Tool("write", null)], s_tagged, mustCall: true);
        Assert.Contains("a</tool_call>b", Assert.Single(must.Read(Call).Calls).Arguments, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OneCallAllowed_DropsWhatIsBehindIt()
    {
        const string Call = """<tool_call>{"name": "f", "arguments": {}}</tool_call>""";
        foreach (string behind in (string[])[Call, "<tool_call>broken", " and more"])
        {
            ToolCalling one = new([Tool("f", null)], s_tagged, allowsSeveral: false);
            (string text, IReadOnlyList<ToolCall> calls) = one.Read($"So: {Call}{behind}");
            Assert.Equal("So:", text);
            Assert.Equal("f", Assert.Single(calls).Name);
        }
    }

    [Theory]
    [InlineData("""{"name": "\ud800", "arguments": {}}""")]
    [InlineData("""{"name": "f", "arguments": {}, "\udc00": 1}""")]
    public void Read_HalfOfASurrogatePairInANameOrAKey_IsText(string call)
    {
        foreach ((ToolCalling tools, string answer) in ((ToolCalling, string)[])
        [
            (new([Tool("f", null)], s_plain), call),
            (new([Tool("f", null)], s_plain, mustCall: true), call),
            (new([Tool("f", null)], s_tagged), $"<tool_call>{call}</tool_call>"),
        ])
        {
            (string text, IReadOnlyList<ToolCall> calls) = tools.Read(answer);
            Assert.Equal(answer, text);
            Assert.Empty(calls);
        }
    }

    // As the filter tojson of transformers: json.dumps with ensure_ascii=False, without escapes for HTML.
    [Fact]
    public void JsonShownToModels_IsThatOfTheFilter()
    {
        const string Description = "é 日本 🙂 <b>'\"&+";
        const string Function =
            """{"name": "f", "description": "é 日本 🙂 <b>'\"&+", "parameters": {"type": "object", "maximum": 1.0, "é": []}}""";
        ChatTool tool = new("f", Description, JsonElement.Parse("""{"type":"object","maximum":1.0,"\u00e9":[ ]}"""));
        string? described = new ToolCalling([tool], s_plain).Prepare([new ChatMessage("user", "x")])[0].Content;
        Assert.Contains($"\n{Function}\n", described, StringComparison.Ordinal);

        ChatTemplateFile knows = Template("{% for t in tools %}<tool_call>{{ t.function | tojson }}{% endfor %}");
        string rendered = knows.Render([], addGenerationPrompt: false, new ToolCalling([tool], knows).Definitions);
        Assert.Equal($"<tool_call>{Function}", rendered);

        JsonElement calls = JsonElement.Parse("""[{"function":{"name":"f","arguments":{"a":"\u00e9\u0027\u003c","b":[1,2e0]}}}, 7]""");
        ChatMessage message = new("assistant", null) { ToolCalls = calls };
        Assert.Equal(
            """{"name": "f", "arguments": {"a": "é'<", "b": [1, 2.0]}}""" + "\n7",
            ToolCalling.WithoutTools([message], s_plain)[0].Content);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("true")]
    [InlineData("{\"properties\": {\"a\": {\"type\": \"integer\"}}}")]
    public void AnswerSchema_ParametersThatAllowAnything_StillAskForAnObject(string parameters)
    {
        ToolCalling must = new([Tool("f", parameters)], s_tagged, mustCall: true);
        JsonElement answer = JsonElement.Parse(must.AnswerSchema!).GetProperty("anyOf")[0];
        JsonElement arguments = answer.GetProperty("properties").GetProperty("arguments");
        Assert.Equal("object", arguments.GetProperty("type").GetString());
    }

    [Fact]
    public void WithoutTools_AnswerWithTextAndCalls_KeepsBoth()
    {
        JsonElement calls = JsonElement.Parse("""[{"function": {"name": "f", "arguments": {}}}]""");
        ChatMessage message = new("assistant", "Let me look.") { ToolCalls = calls };
        string? content = ToolCalling.WithoutTools([message], s_plain)[0].Content;
        Assert.StartsWith("Let me look.\n{", content, StringComparison.Ordinal);
        Assert.Contains("\"f\"", content, StringComparison.Ordinal);
        ChatMessage none = message with { ToolCalls = JsonElement.Parse("[]") };
        Assert.Equal("Let me look.", ToolCalling.WithoutTools([none], s_plain)[0].Content);
    }

    [Fact]
    public void WithoutTools_Results_NameTheFunctionOfTheirCall()
    {
        JsonElement calls = JsonElement.Parse(
            """[{"id": "1", "function": {"name": "f", "arguments": {}}}, {"id": "2", "function": {"name": "g", "arguments": {}}}, {}]""");
        ChatMessage Result(string id) => new("tool", id)
        {
            OtherFields = new Dictionary<string, JsonElement> { ["tool_call_id"] = JsonElement.Parse($"\"{id}\"") },
        };
        ChatMessage[] messages =
        [
            Result("1"), new("assistant", null) { ToolCalls = calls }, Result("2"), Result("1"), Result("3"),
            Result("1") with { Name = "h" }, new("tool", "4"),
        ];
        IReadOnlyList<ChatMessage> plain = ToolCalling.WithoutTools(messages, s_plain);
        Assert.All(plain.Where((_, i) => i != 1), message => Assert.Equal("user", message.Role));
        Assert.Equal(
            [
                "Result of the function: 1", "Result of g: 2", "Result of f: 1", "Result of the function: 3", "Result of h: 1",
                "Result of the function: 4",
            ],
            plain.Where((_, i) => i != 1).Select(message => message.Content));
    }

    private static ChatTool Tool(string name, string? parameters) =>
        new(name, null, parameters is null ? null : JsonElement.Parse(parameters));

    private static ChatTemplateFile Template(string text) => ChatTemplateFile.FromGguf(text, null, null, "test");
}
