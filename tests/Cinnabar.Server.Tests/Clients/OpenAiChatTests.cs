#pragma warning disable OPENAI001, SCME0001 // the client calls the seed and fields of others experimental
using System.Text.Json.Nodes;
using OpenAI.Chat;
using OpenAI.Models;

namespace Cinnabar.Server.Tests.Clients;

/// <summary>OpenAI's .NET client against the server: what it sends by itself is accepted, what it gets it understands.</summary>
public sealed class OpenAiChatTests(OpenAiServer server) : IClassFixture<OpenAiServer>
{
    private const int MaxTokens = 24;

    private static readonly int[] s_seeds = [.. Enumerable.Range(1, 8)];
    private static readonly ChatMessage[] s_hello = [new UserChatMessage("hello")];

    [Fact]
    public async Task Answer_IsReadWithUsageAndFinishReason()
    {
        List<ChatFinishReason> reasons = [];
        foreach (int seed in s_seeds)
        {
            ChatCompletion answer = await server.Chat().CompleteChatAsync(s_hello, Options(seed));

            int input = server.Engine.Model.CanvasFor([new("user", "hello")], MaxTokens).Canvas.Length - MaxTokens;
            Assert.Equal(ChatMessageRole.Assistant, answer.Role);
            Assert.Equal("chat", answer.Model);
            Assert.StartsWith("chatcmpl-", answer.Id);
            Assert.InRange(answer.CreatedAt, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
            Assert.Equal((input, input + answer.Usage.OutputTokenCount), (answer.Usage.InputTokenCount, answer.Usage.TotalTokenCount));
            Assert.Equal(answer.Usage.OutputTokenCount == MaxTokens ? ChatFinishReason.Length : ChatFinishReason.Stop, answer.FinishReason);
            Assert.NotEqual("", Text(answer));
            Assert.Null(answer.Refusal);
            Assert.Empty(answer.ToolCalls);
            reasons.Add(answer.FinishReason);
        }

        Assert.Contains(ChatFinishReason.Length, reasons);
    }

    [Fact]
    public async Task Stream_ConcatenationIsTheAnswer()
    {
        foreach (int seed in s_seeds)
        {
            ChatCompletion whole = await server.Chat().CompleteChatAsync(s_hello, Options(seed));
            List<StreamingChatCompletionUpdate> updates = await StreamAsync(Options(seed));

            Assert.Equal(Text(whole), Text(updates));
            Assert.Equal(whole.FinishReason, updates.Single(update => update.FinishReason is not null).FinishReason);
            ChatTokenUsage usage = updates.Single(update => update.Usage is not null).Usage; // the client asks for it of its own accord
            Assert.Equal(whole.Usage.OutputTokenCount, usage.OutputTokenCount);
            Assert.Equal(whole.Usage.InputTokenCount, usage.InputTokenCount);
            Assert.Equal(ChatMessageRole.Assistant, updates[0].Role);
            Assert.Single(updates.Select(update => update.CompletionId).Distinct());
        }
    }

    [Fact]
    public async Task JsonSchema_IsFollowedByAnswerAndStream()
    {
        ChatCompletionOptions options = Options(1);
        options.ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat(
            "letter",
            BinaryData.FromString("{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[\"x\",\"y\"]}},\"required\":[\"a\"]}"),
            jsonSchemaIsStrict: true);
        ChatCompletion answer = await server.Chat().CompleteChatAsync(s_hello, options);

        Assert.Matches("^\\{\"a\": ?\"[xy]\"\\}\\z", Text(answer));
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.Equal(Text(answer), Text(await StreamAsync(options)));
    }

    [Fact]
    public async Task StopSequence_EndsAnswerAndStream()
    {
        ChatCompletion free = await server.Chat().CompleteChatAsync(s_hello, Options(1));
        string stop = $"{Text(free).Last(char.IsAsciiLetter)}";
        ChatCompletionOptions options = Options(1);
        options.StopSequences.Add(stop);
        options.StopSequences.Add("never written");

        ChatCompletion stopped = await server.Chat().CompleteChatAsync(s_hello, options);
        List<StreamingChatCompletionUpdate> updates = await StreamAsync(options);

        Assert.Equal(Text(free)[..Text(free).IndexOf(stop, StringComparison.Ordinal)], Text(stopped));
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
        Assert.Equal(Text(stopped), Text(updates));
    }

    [Fact]
    public async Task MessagesAndOptionsOfTheClient_AreAccepted()
    {
        ChatMessage[] messages =
        [
            new DeveloperChatMessage("short"),
            new SystemChatMessage("kind"),
            new UserChatMessage(ChatMessageContentPart.CreateTextPart("a"), ChatMessageContentPart.CreateTextPart("b"))
            {
                ParticipantName = "me",
            },
            new AssistantChatMessage("c"),
            new UserChatMessage("d"),
        ];
        ChatCompletionOptions options = new()
        {
            MaxOutputTokenCount = 8,
            Temperature = 0.7f,
            TopP = 0.95f,
            Seed = 3,
            FrequencyPenalty = 0,
            PresencePenalty = 0,
            EndUserId = "somebody",
            SafetyIdentifier = "somebody",
            StoredOutputEnabled = false,
            IncludeLogProbabilities = false,
            ReasoningEffortLevel = ChatReasoningEffortLevel.Low,
            ResponseFormat = ChatResponseFormat.CreateTextFormat(),
            ResponseModalities = ChatResponseModalities.Text,
            ServiceTier = ChatServiceTier.Auto,
        };
        options.Metadata.Add("purpose", "test");

        ChatCompletion answer = await server.Chat().CompleteChatAsync(messages, options);
        ChatCompletion again = await server.Chat().CompleteChatAsync(messages, options);

        Assert.Equal(Text(answer), Text(again));
    }

    [Fact]
    public async Task IncludeSteps_AddsToEveryUpdateAndChangesNone()
    {
        ChatCompletion whole = await server.Chat().CompleteChatAsync(s_hello, Options(2));
        ChatCompletionOptions options = Options(2);
        options.Patch.Set("$.stream_options"u8, BinaryData.FromString("{\"include_usage\":true,\"include_steps\":true}"));

        List<StreamingChatCompletionUpdate> updates = await StreamAsync(options);

        Assert.Equal(Text(whole), Text(updates));
        JsonNode[] events = [.. updates.SkipLast(1).Select(Diffusion)]; // the last one is the usage
        Assert.Equal("canvas", (string?)events[0]["type"]);
        Assert.Equal("done", (string?)events[^1]["type"]);
        Assert.All(events[1..^1], step => Assert.Equal("step", (string?)step["type"]));
        Assert.Equal((int)events[^1]["steps"]!, events.Length - 2);
        int written = events[1..^1].Sum(step => step["committed"]!.AsArray().Count);
        Assert.Equal(MaxTokens, written);
    }

    [Fact]
    public async Task Diffusing_LastTextIsTheAnswer()
    {
        ChatCompletion whole = await server.Chat().CompleteChatAsync(s_hello, Options(2));
        ChatCompletionOptions options = Options(2);
        options.Patch.Set("$.diffusing"u8, true);

        List<StreamingChatCompletionUpdate> updates = await StreamAsync(options);

        // How many come before the last one depends on how fast they are read.
        Assert.Equal(Text(whole), Text([updates.Last(update => update.ContentUpdate.Count > 0)]));
    }

    [Fact]
    public async Task Models_AreListed()
    {
        OpenAIModelCollection models = await server.Models().GetModelsAsync();
        OpenAIModel plain = await server.Models().GetModelAsync("plain");

        Assert.Equal(["chat", "plain"], models.Select(model => model.Id));
        Assert.Equal(("plain", "cinnabar"), (plain.Id, plain.OwnedBy));
        Assert.Equal(1_700_000_000, plain.CreatedAt.ToUnixTimeSeconds());
    }

    [Fact]
    public async Task EndOfInterest_EndsTheWork()
    {
        await using OpenAiServer own = await OpenAiServer.StartAsync();
        using SemaphoreSlim gate = new(0);
        Task held = own.Engine.RunAsync(_ => gate.Wait(10_000));
        using CancellationTokenSource interest = new();
        Task reading = Task.Run(async () =>
        {
            await foreach (StreamingChatCompletionUpdate _ in own.Chat().CompleteChatStreamingAsync(s_hello, Options(1), interest.Token))
            {
            }
        });
        await UntilAsync(() => own.Engine.Status is { Waiting: 1 } or { Running: 1 });

        await interest.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await UntilAsync(() => own.Log.Contains("/v1/chat/completions", StringComparison.Ordinal)); // the server has finished with it
        gate.Release();
        await held;
        await UntilAsync(() => own.Engine.Status is { Cancelled: 1, Running: 0, Waiting: 0 });
    }

    internal static async Task UntilAsync(Func<bool> holds)
    {
        for (int i = 0; i < 1000 && !holds(); i++)
        {
            await Task.Delay(10);
        }

        Assert.True(holds());
    }

    private static ChatCompletionOptions Options(int seed) => new() { Seed = seed, MaxOutputTokenCount = MaxTokens, Temperature = 1 };

    private static string Text(ChatCompletion answer) => string.Concat(answer.Content.Select(part => part.Text));

    private static string Text(IEnumerable<StreamingChatCompletionUpdate> updates) =>
        string.Concat(updates.SelectMany(update => update.ContentUpdate).Select(part => part.Text));

    private static JsonNode Diffusion(StreamingChatCompletionUpdate update)
    {
        Assert.True(update.Patch.TryGetJson("$.diffusion"u8, out ReadOnlyMemory<byte> json));
        return JsonNode.Parse(json.Span)!;
    }

    private async Task<List<StreamingChatCompletionUpdate>> StreamAsync(ChatCompletionOptions options)
    {
        List<StreamingChatCompletionUpdate> updates = [];
        await foreach (StreamingChatCompletionUpdate update in server.Chat().CompleteChatStreamingAsync(s_hello, options))
        {
            updates.Add(update);
        }

        return updates;
    }
}
