using System.ComponentModel;
using System.Text.Json;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Microsoft.Extensions.AI;

namespace Cinnabar.Extensions.AI.Tests;

/// <summary>Response formats and tools, by way of the middleware that programs use.</summary>
public sealed class StructuredOutputTests(TinyChat chat) : IClassFixture<TinyChat>
{
    private enum Size
    {
        Small,
        Large,
    }

    private static ChatOptions Options => new() { Seed = 5, Temperature = 1, MaxOutputTokens = 90 };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task ResponseFormat_SchemaOfAType_CanBeReadAsOne(float temperature)
    {
        for (int seed = 0; seed < 4; seed++)
        {
            ChatOptions options = Options;
            options.Temperature = temperature;
            options.Seed = seed;
            options.ResponseFormat = ChatResponseFormat.ForJsonSchema<Box>();
            ChatResponse response = await new DiffusionChatClient(chat.Long).GetResponseAsync("a box", options);
            Box box = JsonSerializer.Deserialize<Box>(response.Text, AIJsonUtilities.DefaultOptions)!;
            Assert.True(Enum.IsDefined(box.Size), response.Text);
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        }
    }

    [Fact]
    public async Task ResponseFormat_TypedResponse_HasAResult()
    {
        ChatResponse<Box> response = await new DiffusionChatClient(chat.Long).GetResponseAsync<Box>("a box", Options);
        Assert.True(response.TryGetResult(out Box? box), response.Text);
        Assert.NotNull(box);
    }

    [Fact]
    public async Task ResponseFormat_Json_IsAnObjectAndTheStreamItsPieces()
    {
        ChatOptions options = Options;
        options.ResponseFormat = ChatResponseFormat.Json;
        DiffusionChatClient client = new(chat.Engine);
        string text = (await client.GetResponseAsync("x", options)).Text;
        Assert.Equal(JsonValueKind.Object, JsonElement.Parse(text).ValueKind);
        Assert.Equal(
            text, string.Concat(client.GetStreamingResponseAsync("x", options).ToBlockingEnumerable().Select(update => update.Text)));
    }

    [Fact]
    public async Task ResponseFormat_NoRoomForIt_SaysHowMuchItNeeds()
    {
        ChatOptions options = Options;
        options.MaxOutputTokens = 5;
        options.ResponseFormat = ChatResponseFormat.ForJsonSchema<Box>();
        DiffusionChatClient client = new(chat.Long);
        string message = (await Assert.ThrowsAsync<CinnabarException>(() => client.GetResponseAsync("x", options))).Message;
        Assert.Contains("the shortest needs", message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tools_RequiredCall_IsMadeByTheMiddlewareAndItsResultSeen(bool templateKnowsTools)
    {
        List<(string City, bool Today)> calls = [];
        AIFunction weather = AIFunctionFactory.Create(
            (string city, bool today) =>
            {
                calls.Add((city, today));
                return $"{(today ? 21 : 22)} degrees in {city}";
            },
            "weather",
            "Tells the weather.");
        using IChatClient client =
            new ChatClientBuilder(new DiffusionChatClient(Engine(templateKnowsTools))).UseFunctionInvocation().Build();
        ChatOptions options = Options;
        options.Tools = [weather];
        options.ToolMode = ChatToolMode.RequireAny;
        ChatResponse response = await client.GetResponseAsync("weather?", options);
        (string city, bool today) = Assert.Single(calls);

        // The call, its result, and what the model says then.
        Assert.Equal([ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant], response.Messages.Select(message => message.Role));
        FunctionCallContent call = Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        FunctionResultContent result = Assert.Single(response.Messages[1].Contents.OfType<FunctionResultContent>());
        Assert.Equal(("weather", call.CallId), (call.Name, result.CallId));
        Assert.Equal($"{(today ? 21 : 22)} degrees in {city}", result.Result?.ToString());

        // The same as a stream.
        ChatResponse streamed = await client.GetStreamingResponseAsync("weather?", options).ToChatResponseAsync();
        Assert.Equal(2, calls.Count);
        Assert.Equal(calls[0], calls[1]);

        // This template spells the call's id, which is another one each time, and so the model reads something else.
        Assert.Equal(!templateKnowsTools, response.Text == streamed.Text);
    }

    [Fact]
    public async Task Tools_SpecificCall_EndsForIt()
    {
        DiffusionChatClient client = new(chat.Tools);
        ChatOptions options = Options;
        options.Tools = [AIFunctionFactory.Create((Size size) => 1, "a"), AIFunctionFactory.Create(() => 2, "b")];
        foreach ((string name, int arguments) in ((string, int)[])[("a", 1), ("b", 0)])
        {
            options.ToolMode = ChatToolMode.RequireSpecific(name);
            ChatResponse response = await client.GetResponseAsync("x", options);
            FunctionCallContent call = Assert.Single(response.Messages.Single().Contents.OfType<FunctionCallContent>());
            Assert.Equal((name, arguments), (call.Name, call.Arguments!.Count));
            Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
            Assert.Equal("", response.Text);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tools_Auto_TextStaysText(bool templateKnowsTools)
    {
        DiffusionChatClient client = new(Engine(templateKnowsTools));
        ChatOptions options = Options;
        options.Tools = [AIFunctionFactory.Create(() => 42, "Secret")];
        ChatResponse response = await client.GetResponseAsync("x", options);
        Assert.NotEqual("", response.Text);
        Assert.DoesNotContain(response.Messages[0].Contents, content => content is FunctionCallContent);
        Assert.Equal(
            response.Text,
            string.Concat(client.GetStreamingResponseAsync("x", options).ToBlockingEnumerable().Select(update => update.Text)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task History_CallsAndResults_AreSeen(bool templateKnowsTools)
    {
        DiffusionChatClient client = new(Engine(templateKnowsTools));
        long[] tokens = new long[2];
        for (int i = 0; i < 2; i++)
        {
            ChatMessage[] messages =
            [
                new(ChatRole.User, "how warm?"),
                new(ChatRole.Assistant, [new FunctionCallContent("1", "weather", Arguments(i == 0 ? "q" : "qq"))]),
                new(ChatRole.Tool, [new FunctionResultContent("1", i == 0 ? "q" : "qqqq")]),
            ];
            ChatOptions options = Options;
            options.Tools = [AIFunctionFactory.Create(() => 42, "Secret")];
            tokens[i] = (await client.GetResponseAsync(messages, options)).Usage!.InputTokenCount!.Value;
        }

        Assert.Equal(tokens[0] + 4, tokens[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task History_Result_BelongsToItsCall(bool templateKnowsTools)
    {
        // The text says the name of the function with the call and with its result; the template that knows tools has the id instead.
        long[] tokens = new long[2];
        for (int i = 0; i < 2; i++)
        {
            string more = new('q', i);
            ChatMessage[] messages =
            [
                new(ChatRole.Assistant, [new FunctionCallContent($"1{more}", $"weather{more}", Arguments("x"))]),
                new(ChatRole.Tool, [new FunctionResultContent($"1{more}", "warm")]),
            ];
            tokens[i] = await InputTokensAsync(templateKnowsTools, messages);
        }

        Assert.Equal(tokens[0] + 2, tokens[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task History_CallAndResultInOneMessage_AreBothSeen(bool templateKnowsTools)
    {
        FunctionCallContent call = new("1", "weather", Arguments("Rome"));
        FunctionResultContent result = new("1", "warm");
        long apart = await InputTokensAsync(
            templateKnowsTools, [new ChatMessage(ChatRole.Assistant, [call]), new ChatMessage(ChatRole.Tool, [result])]);
        long together = await InputTokensAsync(templateKnowsTools, [new ChatMessage(ChatRole.Assistant, [call, result])]);

        Assert.Equal(apart, together);
    }

    [Theory]
    [InlineData(null, 2)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task Tools_SeveralCalls_AreGivenBackUnlessOneIsAllowed(bool? allowed, int expected)
    {
        const string Call = """<tool_call>{"name":"b","arguments":{}}</tool_call>""";
        ChatResponse response = await DictatedAsync(Call + Call, allowed);
        Assert.Equal(expected, response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().Count());
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Fact]
    public async Task Tools_ArgumentsThatAreNoUnicode_AreACallWithAnException()
    {
        ChatResponse response = await DictatedAsync(
            """<tool_call>{"name":"b","arguments":{"\ud800":1}}</tool_call>""", severalAllowed: null);
        FunctionCallContent call = Assert.Single(response.Messages.Single().Contents.OfType<FunctionCallContent>());
        Assert.Equal("b", call.Name);
        Assert.Null(call.Arguments);
        Assert.NotNull(call.Exception);
    }

    // A template that does not know tools shows the model the JSON of calls as it stands.
    [Fact]
    public async Task History_CallBeyondAscii_IsReadable()
    {
        string[] cities = ["q", "é"];
        long[] tokens = new long[2];
        for (int i = 0; i < 2; i++)
        {
            FunctionCallContent call = new("1", "weather", Arguments(cities[i]));
            tokens[i] = await InputTokensAsync(templateKnowsTools: false, [new ChatMessage(ChatRole.Assistant, [call])]);
        }

        Assert.Equal(tokens[0] - 1 + chat.Long.Model.Tokenizer.Encode("é").Length, tokens[1]);
    }

    // What the model answers if it writes a text.
    private Task<ChatResponse> DictatedAsync(string text, bool? severalAllowed)
    {
        DiffusionModel model = chat.Tools.Model;
        int[] written = [.. model.Tokenizer.Encode(text), model.Tokenizer.EndOfTextTokenId];
        ChatOptions options = new()
        {
            Temperature = 0,
            MaxOutputTokens = 130,
            Tools = [AIFunctionFactory.Create(() => 2, "b")],
            AllowMultipleToolCalls = severalAllowed,
            RawRepresentationFactory = _ => new SamplerOptions { Policy = () => new Dictation(written) },
        };
        return new DiffusionChatClient(chat.Tools).GetResponseAsync("x", options);
    }

    private async Task<long> InputTokensAsync(bool templateKnowsTools, ChatMessage[] messages)
    {
        ChatOptions options = Options;
        options.Tools = [AIFunctionFactory.Create(() => 42, "Secret")];
        ChatResponse response = await new DiffusionChatClient(Engine(templateKnowsTools)).GetResponseAsync(messages, options);
        return response.Usage!.InputTokenCount!.Value;
    }

    private static Dictionary<string, object?> Arguments(string city) => new() { ["city"] = city };

    private ModelEngine Engine(bool templateKnowsTools) => templateKnowsTools ? chat.Tools : chat.Long;

    /// <summary>Makes the model write given tokens, the last one wherever there are no more.</summary>
    private sealed class Dictation(int[] ids) : StepPolicy
    {
        private int _start;

        public override void Begin(Canvas canvas) => _start = canvas.Holes[0].Start;

        public override void Adjust(int position, Span<float> logits) => logits[ids[Math.Min(position - _start, ids.Length - 1)]] = 1e6f;

        public override double Score(TokenDistribution row, CounterRandom random) => 0;
    }

    [Description("A box.")]
    private sealed record Box(Size Size, string Name, bool? Open, string[] Parts);
}
