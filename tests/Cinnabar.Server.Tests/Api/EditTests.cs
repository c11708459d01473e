using System.Diagnostics;
using System.Text.Json.Nodes;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class EditTests(ApiServer server)
{
    private const string Message = """
        <|recently_viewed_code_snippets|>
        <|recently_viewed_code_snippet|>
        code_snippet_file_path: a/B.cs
        int b;
        <|/recently_viewed_code_snippet|>
        <|/recently_viewed_code_snippets|>

        <|current_file_content|>
        current_file_path: A.cs
        class A
        <|code_to_edit|>
        {
            int <|cursor|>;
        }
        <|/code_to_edit|>
        // end
        <|/current_file_content|>

        <|edit_diff_history|>
        <|/edit_diff_history|>
        """;

    [Fact]
    public void Message_IsTakenApart()
    {
        NextEdit edit = NextEdit.Parse(Message);

        Assert.Equal("int b;\nclass A\n\n", edit.Before);
        Assert.Equal("{\n    int ;\n}", edit.Region);
        Assert.Equal("{\n    int ".Length, edit.Cursor);
        Assert.Equal("\n\n// end", edit.After);
        Assert.Equal("```\n{\n    int x;\n}\n```", edit.Reply("x"));
    }

    [Fact]
    public void Snippets_WithoutAnEnd_TakeNoTime()
    {
        // As many as a body holds. A search from each of them to the end of the message would take half a minute.
        string openings = string.Concat(Enumerable.Repeat("<|recently_viewed_code_snippet|>", 130_000));
        string first = "<|recently_viewed_code_snippet|>\nint b;\n<|/recently_viewed_code_snippet|>";
        Stopwatch time = Stopwatch.StartNew();
        NextEdit edit = NextEdit.Parse(Message + first + openings);

        Assert.InRange(time.Elapsed.TotalSeconds, 0, 4);
        Assert.Equal("int b;\nint b;\nclass A\n\n", edit.Before);
    }

    [Fact]
    public async Task Edit_WritesAtTheCursor()
    {
        JsonNode answer = await server.AskAsync("/v1/edit/completions", Body(Message));

        GenerationResult expected = await server.Models["tiny"].Engine.RunAsync(model => model.Infill(
            new TextWithHoles(["int b;\nclass A\n\n{\n    int ", ";\n}\n\n// end"], [6]), new SamplerOptions { Seed = 1 }));
        string text = expected.Holes[0].Text;
        Assert.Equal($"```\n{{\n    int {text};\n}}\n```", (string?)answer["choices"]![0]!["message"]!["content"]);
        Assert.Equal("chat.completion", (string?)answer["object"]);
    }

    [Fact]
    public async Task NoCursor_IsNoSuggestion()
    {
        JsonNode answer = await server.AskAsync("/v1/edit/completions", Body(Message.Replace("<|cursor|>", "", StringComparison.Ordinal)));

        Assert.Equal("None", (string?)answer["choices"]![0]!["message"]!["content"]);
    }

    [Fact]
    public async Task SecondCursor_IsRefused()
    {
        string message = Message.Replace("<|cursor|>;", "<|cursor|>, y = <|cursor|>;", StringComparison.Ordinal);

        Assert.Contains("<|cursor|>", await server.RefuseAsync("/v1/edit/completions", Body(message), "messages[0].content"));
    }

    [Fact]
    public async Task ChatModel_GetsTheMessageAsItIs()
    {
        foreach (string path in (string[])["/v1/edit/completions", "/v1/apply/completions"])
        {
            JsonObject body = Body("change it");
            body["model"] = "chat";
            JsonNode edit = await server.AskAsync(path, body);
            JsonNode chat = await server.AskAsync("/v1/chat/completions", body);

            Assert.Equal((string?)chat["choices"]![0]!["message"]!["content"], (string?)edit["choices"]![0]!["message"]!["content"]);
        }
    }

    [Theory]
    [InlineData("/v1/edit/completions", "<|code_to_edit|>a<|/code_to_edit|>")]
    [InlineData("/v1/edit/completions", "<|current_file_content|>a<|/current_file_content|>")]
    [InlineData("/v1/edit/completions", "<|current_file_content|>a")]
    [InlineData("/v1/apply/completions", "<|original_code|>a<|/original_code|>")]
    [InlineData("/v1/apply/completions", "")]
    public async Task MissingSections_AreRefused(string path, string message) =>
        await server.RefuseAsync(path, Body(message), "messages[0].content");

    [Fact]
    public async Task OneUserMessageWithoutStream_IsExpected()
    {
        JsonObject body = Body(Message);
        body["presence_penalty"] = 1.0;
        await server.AskAsync("/v1/edit/completions", body);
        body["stream"] = true;
        await server.RefuseAsync("/v1/edit/completions", body, "stream");
        body.Remove("stream");
        body["messages"]!.AsArray().Add(new JsonObject { ["role"] = "user", ["content"] = "x" });
        await server.RefuseAsync("/v1/edit/completions", body, "messages");
        body["messages"] = JsonNode.Parse("[{\"role\":\"system\",\"content\":\"x\"}]");
        await server.RefuseAsync("/v1/edit/completions", body, "messages[0].role");
    }

    [Fact]
    public async Task Apply_MergesTheSnippet()
    {
        JsonNode answer = await server.AskAsync("/v1/apply/completions", Body("""
            <|original_code|>
            int a;
            int b;
            int c;
            <|/original_code|>

            <|update_snippet|>
            // ... existing code ...
            int b;
            int x;
            int c;
            <|/update_snippet|>
            """));

        Assert.Equal("int a;\nint b;\nint x;\nint c;", (string?)answer["choices"]![0]!["message"]!["content"]);
    }

    [Theory]
    [InlineData("a|b|c|d", "// ... existing code ...|b|X|c|// ... existing code ...", "a|b|X|c|d")]
    [InlineData("a|b|c|d", "A|b|# ... existing code ...", "A|b|c|d")]
    [InlineData("a|b|c|d", "# ... existing code ...|c|D", "a|b|c|D")]
    [InlineData("a|b|c|d", "new", "new")]
    [InlineData("a|b|c|d", "... existing code ...", "a|b|c|d")]
    [InlineData("a|b|c|d|e|f", "... existing code ...|a|X|b|... existing code ...|d|Y|e|... existing code ...", "a|X|b|c|d|Y|e|f")]
    [InlineData("f {|  x|}|g {|  x|}", "... existing code ...|g {|  y|}|", "f {|  x|}|g {|  y|}|")]
    [InlineData("f {|  x|}|g {|  x|}", "... existing code ...||g {|  y|}||... existing code ...", "f {|  x|}|g {|  y|}")]
    [InlineData("a |b", "... existing code ...|a|X|b|... existing code ...", "a|X|b")]
    [InlineData("a|b|c", "... existing code ...|b|... existing code ...", "a|b|c")]
    [InlineData("a|b|c|", "// ... existing code ...|b|X|c", "a|b|X|c|")]
    [InlineData("a|b|c|", "a|B|c", "a|B|c|")]
    [InlineData("a|b|c|", "// ... existing code ...|b|X|c|", "a|b|X|c|")]
    [InlineData("a|b|c|", "", "")]
    public void Merge_PutsRunsWhereTheirEdgesAre(string original, string snippet, string merged) =>
        Assert.Equal(Lines(merged), SnippetMerge.Merge(Lines(original), Lines(snippet)));

    [Theory]
    [InlineData("a\r\nb", "// ... existing code ...\na\nX\nb\n// ... existing code ...", "a\r\nX\r\nb")]
    [InlineData("a\r\nb\r\nc\r\n", "a\nB\nc", "a\r\nB\r\nc\r\n")]
    public void Merge_KeepsTheOriginalsLineEnds(string original, string snippet, string merged) =>
        Assert.Equal(merged, SnippetMerge.Merge(original, snippet));

    [Theory]
    [InlineData("a|b", "... existing code ...|z|X|b|... existing code ...", "line 2", "z")]
    [InlineData("a|b", "... existing code ...|a|X|... existing code ...", "line 3", "X")]
    [InlineData("a|b|c", "... existing code ...|c|... existing code ...|a|... existing code ...", "line 4", "a")]
    public void Merge_LineThatIsNowhere_IsNamed(string original, string snippet, string number, string line)
    {
        ApiException error = Assert.Throws<ApiException>(() => SnippetMerge.Merge(Lines(original), Lines(snippet)));

        Assert.Contains(number, error.Message);
        Assert.Contains($": {line} ", error.Message);
        Assert.Equal(400, error.Status);
    }

    private static string Lines(string text) => text.Replace('|', '\n');

    private static JsonObject Body(string content) => new()
    {
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = content }), ["max_tokens"] = 6, ["seed"] = 1,
    };
}
