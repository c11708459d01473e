using System.Text.Json;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

public sealed class ToolCallingTests
{
    private static readonly ChatTemplateFile s_tagged = Template("{% for t in tools %}<tool_call>{% endfor %}{{ messages[0].tool_calls }}");

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
        ChatTemplateFile plain = Template("{{ messages[0].content }}");
        ChatMessage message = new("assistant", "Let me look.") { ToolCalls = calls };
        string? content = ToolCalling.WithoutTools([message], plain)[0].Content;
        Assert.StartsWith("Let me look.\n{", content, StringComparison.Ordinal);
        Assert.Contains("\"f\"", content, StringComparison.Ordinal);
        ChatMessage none = message with { ToolCalls = JsonElement.Parse("[]") };
        Assert.Equal("Let me look.", ToolCalling.WithoutTools([none], plain)[0].Content);
    }

    private static ChatTool Tool(string name, string? parameters) =>
        new(name, null, parameters is null ? null : JsonElement.Parse(parameters));

    private static ChatTemplateFile Template(string text) => ChatTemplateFile.FromGguf(text, null, null, "test");
}
