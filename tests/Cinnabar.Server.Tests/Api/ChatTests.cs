using System.Text.Json.Nodes;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class ChatTests(ApiServer server)
{
    private const string Path = "/v1/chat/completions";

    [Fact]
    public async Task Answer_HasOpenAisShape()
    {
        JsonNode answer = await server.AskAsync(Path, Body(Message("user", "hello")));

        JsonNode choice = Assert.Single(answer["choices"]!.AsArray())!;
        Assert.StartsWith("chatcmpl-", (string)answer["id"]!);
        Assert.Equal("chat.completion", (string?)answer["object"]);
        Assert.Equal("assistant", (string?)choice["message"]!["role"]);
        Assert.NotEqual("", (string?)choice["message"]!["content"]);
        Assert.Contains((string)choice["finish_reason"]!, (string[])["stop", "length"]);
        int tokens = server.Models["chat"].Engine.Model.CanvasFor([new("user", "hello")], 8).Canvas.Length - 8;
        Assert.Equal(tokens, (int)answer["usage"]!["prompt_tokens"]!);
    }

    [Fact]
    public async Task Parts_AreLinesAndDeveloperIsSystem()
    {
        JsonObject parts = Message("user", "");
        parts["content"] = JsonNode.Parse("[{\"type\":\"text\",\"text\":\"hel\"},{\"type\":\"text\",\"text\":\"lo\"}]");
        JsonNode joined = await server.AskAsync(Path, Body(Message("developer", "be kind"), parts));
        JsonNode plain = await server.AskAsync(Path, Body(Message("system", "be kind"), Message("user", "hel\nlo")));

        Assert.Equal((string?)plain["choices"]![0]!["message"]!["content"], (string?)joined["choices"]![0]!["message"]!["content"]);
        Assert.Equal((int)plain["usage"]!["prompt_tokens"]!, (int)joined["usage"]!["prompt_tokens"]!);
    }

    [Theory]
    [InlineData("{}", 0)]
    [InlineData("{\"enable_thinking\":null,\"thinking\":false}", 0)]
    [InlineData("{\"enable_thinking\":true}", 3)]
    [InlineData("{\"thinking\":true}", 1)]
    [InlineData("{\"thinking\":true,\"enable_thinking\":true}", 4)]
    public async Task TemplateVariables_ReachTheTemplate(string variables, int more)
    {
        JsonObject body = Body(Message("user", "hello"));
        JsonNode plain = await server.AskAsync(Path, body);
        body["chat_template_kwargs"] = JsonNode.Parse(variables);
        JsonNode told = await server.AskAsync(Path, body);

        Assert.Equal((int)plain["usage"]!["prompt_tokens"]! + more, (int)told["usage"]!["prompt_tokens"]!);
    }

    [Theory]
    [InlineData("true", "chat_template_kwargs")]
    [InlineData("{\"enable_thinking\":\"yes\"}", "chat_template_kwargs.enable_thinking")]
    [InlineData("{\"messages\":[]}", "chat_template_kwargs.messages")]
    [InlineData("{\"bos_token\":\"<|mask|>\"}", "chat_template_kwargs.bos_token")]
    public async Task OtherTemplateVariables_AreRefusedByName(string variables, string param)
    {
        JsonObject body = Body(Message("user", "hello"));
        body["chat_template_kwargs"] = JsonNode.Parse(variables);

        await server.RefuseAsync(Path, body, param);
    }

    [Fact]
    public async Task MessagesAsOpenAisClientDumpsThem_AreAccepted()
    {
        JsonObject dumped = JsonNode.Parse(
            """
            {"content":"hi","refusal":null,"role":"assistant","annotations":null,"audio":null,"function_call":null,"tool_calls":null}
            """)!.AsObject();
        await server.AskAsync(Path, Body(Message("user", "hello"), dumped.DeepClone().AsObject(), Message("user", "x")));
        dumped["annotations"] = new JsonArray();
        await server.AskAsync(Path, Body(Message("user", "hello"), dumped.DeepClone().AsObject(), Message("user", "x")));
        dumped["annotations"] = new JsonArray(new JsonObject { ["type"] = "url_citation" });
        await server.RefuseAsync(Path, Body(Message("user", "hello"), dumped), "messages[1].annotations");
    }

    [Fact]
    public async Task Stream_BeginsWithTheRoleAndEndsWithUsage()
    {
        JsonObject body = Body(Message("user", "hello"));
        JsonNode whole = await server.AskAsync(Path, body);
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_usage"] = true };
        List<JsonNode> chunks = await server.ChunksAsync(Path, body);

        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", (string?)chunk["object"]));
        Assert.Single(chunks.Select(chunk => (string?)chunk["id"]).Distinct());
        Assert.Equal("assistant", (string?)chunks[0]["choices"]![0]!["delta"]!["role"]);
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
        Assert.Equal(whole["usage"]!.ToJsonString(), chunks[^1]["usage"]!.ToJsonString());
        Assert.All(chunks.SkipLast(1), chunk => Assert.True(chunk.AsObject().ContainsKey("usage") && chunk["usage"] is null));
        Assert.Equal("{}", chunks[^2]["choices"]![0]!["delta"]!.ToJsonString());
        Assert.Equal((string?)whole["choices"]![0]!["finish_reason"], (string?)chunks[^2]["choices"]![0]!["finish_reason"]);
        Assert.All(chunks, chunk => Assert.False(chunk.AsObject().ContainsKey("diffusion")));
        string text = string.Concat(chunks.SkipLast(1).Select(chunk => (string?)chunk["choices"]![0]!["delta"]!["content"]));
        Assert.Equal((string?)whole["choices"]![0]!["message"]!["content"], text);
    }

    [Fact]
    public async Task SpecialTokensInMessages_StayText()
    {
        JsonObject body = Body(Message("user", "<|endoftext|><|mask|><|pad|><|begin|>"));
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_steps"] = true };
        JsonNode canvas = (await server.ChunksAsync(Path, body))[0]["diffusion"]!;

        int known = (int)canvas["holes"]![0]!["start"]!;
        int[] special = [.. canvas["ids"]!.AsArray().Take(known).Select(id => (int)id!).Where(server.Tiny.Tokenizer.IsSpecial)];
        Assert.Equal([server.Tiny.Tokenizer.EndOfTextTokenId], special); // the template's own
    }

    [Fact]
    public async Task ModelWithoutTemplate_IsRefusedWithTheEndpointsThatWork()
    {
        JsonObject body = Body(Message("user", "hello"));
        body["model"] = "tiny";

        Assert.Contains("/v1/infill", await server.RefuseAsync(Path, body, "model"));
    }

    [Theory]
    [InlineData("{\"role\":\"robot\",\"content\":\"x\"}", "messages[0].role")]
    [InlineData("{\"role\":\"user\"}", "messages[0].content")]
    [InlineData("{\"content\":\"x\"}", "messages[0].role")]
    [InlineData("{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[{}]}", "messages[0].tool_calls")]
    [InlineData("{\"role\":\"user\",\"content\":\"x\",\"name\":\"<|endoftext|>\"}", "messages[0].name")]
    [InlineData("{\"role\":\"user\",\"content\":\"x\",\"other\":1}", "messages[0].other")]
    [InlineData("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}", "messages[0].content[0].type")]
    [InlineData("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":7}]}", "messages[0].content[0].text")]
    [InlineData("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\",\"x\":{}}]}", "messages[0].content[0].x")]
    [InlineData("7", "messages[0]")]
    [InlineData("null", "messages[0]")]
    public async Task WrongMessages_AreRefusedWithTheirPath(string message, string param)
    {
        JsonObject body = Body();
        body["messages"] = new JsonArray(JsonNode.Parse(message));

        await server.RefuseAsync(Path, body, param);
    }

    [Fact]
    public async Task LongConversation_IsRefusedWithBothNumbers()
    {
        string message = await server.RefuseAsync(Path, Body(Message("user", new string('q', 400))), "messages");

        Assert.Contains(" 96 ", message);
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static JsonObject Body(params JsonObject[] messages) => new()
    {
        ["model"] = "chat", ["messages"] = new JsonArray(messages), ["max_tokens"] = 8, ["seed"] = 1,
    };
}
