using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Microsoft.Extensions.AI;

namespace Cinnabar.Extensions.AI.Tests;

/// <summary>
/// The cases that every provider of Microsoft.Extensions.AI is tested with, but tools and formats, which have tests of their own, and
/// images, which are refused by name.
/// </summary>
public sealed class ChatClientContractTests(TinyChat chat) : IClassFixture<TinyChat>
{
    private static readonly ChatOptions s_seeded = new() { Seed = 5, Temperature = 1, MaxOutputTokens = 10 };

    private IChatClient Client => new DiffusionChatClient(chat.Engine);

    [Fact]
    public async Task Response_SingleMessage_IsThatOfTheModel()
    {
        ChatResponse response = await Client.GetResponseAsync("hi", s_seeded);
        GenerationResult expected = chat.Alone.Chat([new("user", "hi")], new() { MaxNewTokens = 10, Seed = 5, Temperature = 1 });
        Assert.Equal(expected.Holes[0].Text, response.Text);
        ChatMessage message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.Equal(("tiny-chat", ChatFinishReason.Length), (response.ModelId, response.FinishReason));
        Assert.False(string.IsNullOrEmpty(response.ResponseId));
        Assert.InRange(response.CreatedAt!.Value, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task Response_Conversation_IsThatOfTheModel()
    {
        (string Role, string Text)[] turns = [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")];
        ChatResponse response = await Client.GetResponseAsync(
            turns.Select(turn => new ChatMessage(new ChatRole(turn.Role), turn.Text)), s_seeded);
        Chat.ChatMessage[] same = [.. turns.Select(turn => new Chat.ChatMessage(turn.Role, turn.Text))];
        GenerationResult expected = chat.Alone.Chat(same, new() { MaxNewTokens = 10, Seed = 5, Temperature = 1 });
        Assert.Equal(expected.Holes[0].Text, response.Text);
        Assert.Equal(chat.Alone.CanvasFor(same, 10).Canvas.Length - 10, response.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task Response_EmptyMessages_AreTurns()
    {
        ChatMessage[] messages =
            [new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, []), new(ChatRole.User, "1 + 2?")];
        Chat.ChatMessage[] same = [new("system", ""), new("user", ""), new("assistant", ""), new("user", "1 + 2?")];
        ChatResponse response = await Client.GetResponseAsync(messages, s_seeded);
        Assert.Equal(chat.Alone.CanvasFor(same, 10).Canvas.Length - 10, response.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task Response_Usage_IsComplete()
    {
        UsageDetails usage = (await Client.GetResponseAsync("Explain", s_seeded)).Usage!;
        Assert.Equal(chat.Alone.CanvasFor([new Chat.ChatMessage("user", "Explain")], 10).Canvas.Length - 10, usage.InputTokenCount);
        Assert.Equal(10, usage.OutputTokenCount);
        Assert.Equal(usage.InputTokenCount + usage.OutputTokenCount, usage.TotalTokenCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stream_Pieces_JoinToTheResponse(bool includesSteps)
    {
        DiffusionChatClient client = new(chat.Engine, new() { IncludeSteps = includesSteps });
        for (int seed = 0; seed < 10; seed++)
        {
            ChatOptions options = new() { Seed = seed, Temperature = 1, MaxOutputTokens = 20 };
            options.AdditionalProperties = new() { ["remask_below"] = 0.003 };
            List<ChatResponseUpdate> updates = await Collect(client.GetStreamingResponseAsync([new(ChatRole.User, "x")], options));
            ChatResponse response = await client.GetResponseAsync("x", options);
            Assert.Equal(response.Text, string.Concat(updates.Select(update => update.Text)));
            Assert.Equal(response.FinishReason, updates[^1].FinishReason);
            Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
            Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role));
            Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        }
    }

    [Fact]
    public async Task Stream_Usage_ComesOnceAndLast()
    {
        ChatOptions options = s_seeded.Clone();
        options.AdditionalProperties = new() { ["stream_options"] = new Dictionary<string, object> { ["include_usage"] = true } };
        List<ChatResponseUpdate> updates = await Collect(Client.GetStreamingResponseAsync([new(ChatRole.User, "Explain")], options));
        Assert.True(updates.Count > 1);
        UsageContent usage = updates.SelectMany(update => update.Contents).OfType<UsageContent>().Single();
        Assert.Same(usage, updates[^1].Contents.Single());
        Assert.Equal((await Client.GetResponseAsync("Explain", s_seeded)).Usage!.TotalTokenCount, usage.Details.TotalTokenCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stream_AppendedToHistory_IsOneMessageThatCanBeSentAgain(bool includesSteps)
    {
        ChatOptions options = s_seeded.Clone();
        options.AdditionalProperties = new() { ["include_steps"] = includesSteps };
        List<ChatMessage> history = [new(ChatRole.User, "a")];
        await history.AddMessagesAsync(Client.GetStreamingResponseAsync(history, options));
        Assert.Equal(2, history.Count);
        Assert.Equal(ChatRole.Assistant, history[1].Role);
        Assert.Equal((await Client.GetResponseAsync([history[0]], s_seeded)).Text, history[1].Text);
        Assert.Equal(includesSteps, history[1].Contents.Count > 1);
        if (!includesSteps)
        {
            Assert.Equal(history[1].Text, Assert.IsType<TextContent>(history[1].Contents.Single()).Text);
        }

        history.Add(new(ChatRole.User, "b"));
        ChatResponse again = await Client.GetResponseAsync(history, s_seeded);
        ChatResponse plain = await Client.GetResponseAsync(
            [history[0], new(ChatRole.Assistant, history[1].Text), history[2]], s_seeded);
        Assert.Equal(plain.Text, again.Text);
    }

    [Fact]
    public async Task ManyAtOnce_EachIsWhatItIsAlone()
    {
        IChatClient client = Client;
        string[] prompts = [.. Enumerable.Range(0, 16).Select(i => $"p{i}")];
        ChatOptions OptionsOf(int i) => new() { Seed = i, Temperature = 1, MaxOutputTokens = 5 + i };
        string[] together = await Task.WhenAll(
            prompts.Select(async (prompt, i) => (await client.GetResponseAsync(prompt, OptionsOf(i))).Text));
        for (int i = 0; i < prompts.Length; i++)
        {
            GenerationResult alone = chat.Alone.Chat(
                [new("user", prompts[i])], new SamplerOptions { Seed = (ulong)i, Temperature = 1, MaxNewTokens = 5 + i });
            Assert.Equal(alone.Holes[0].Text, together[i]);
        }
    }

    [Fact]
    public void Services_WithoutAKey_AreFound()
    {
        IChatClient client = Client;
        ChatClientMetadata metadata = Assert.IsType<ChatClientMetadata>(client.GetService(typeof(ChatClientMetadata)));
        Assert.Equal(("cinnabar", null, "tiny-chat"), (metadata.ProviderName, metadata.ProviderUri, metadata.DefaultModelId));
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Same(client, client.GetService<DiffusionChatClient>());
        Assert.Same(chat.Engine, client.GetService<ModelEngine>());
        Assert.Same(chat.Engine.Model, client.GetService<DiffusionModel>());
        Assert.Null(client.GetService(typeof(IChatClient), "key"));
        Assert.Null(client.GetService<string>());
        Assert.Throws<ArgumentNullException>(() => client.GetService(null!));
    }

    [Fact]
    public async Task NullMessages_AreRefusedAtOnce()
    {
        Assert.Throws<ArgumentNullException>(() => Client.GetStreamingResponseAsync((IEnumerable<ChatMessage>)null!));
        await Assert.ThrowsAsync<ArgumentNullException>(() => Client.GetResponseAsync((IEnumerable<ChatMessage>)null!));
        Assert.Throws<ArgumentNullException>(() => new DiffusionChatClient(null!));
    }

    [Fact]
    public async Task Cancelled_BeforeOrMeanwhile_GivesTheTextUp()
    {
        using CancellationTokenSource source = new();
        using ManualResetEventSlim first = new();
        using ManualResetEventSlim second = new();
        long cancelled = chat.Engine.Status.Cancelled;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in Client.GetStreamingResponseAsync(
                [new(ChatRole.User, "x")], Held(first), source.Token))
            {
                await source.CancelAsync();
            }
        });
        first.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Client.GetResponseAsync("x", null, source.Token));

        // Whoever leaves the loop gives the text up as well.
        await foreach (ChatResponseUpdate update in Client.GetStreamingResponseAsync("x", Held(second)))
        {
            break;
        }

        second.Set();
        Assert.True(SpinWait.SpinUntil(() => chat.Engine.Status is { Running: 0, Waiting: 0 }, TimeSpan.FromSeconds(10)));
        Assert.Equal(2, chat.Engine.Status.Cancelled - cancelled);
    }

    [Fact]
    public async Task Disposed_Client_LeavesTheEngineRunning()
    {
        Client.Dispose();
        Assert.NotEmpty((await Client.GetResponseAsync("x", s_seeded)).Messages);
    }

    [Fact]
    public async Task Stopped_Engine_SaysSo()
    {
        await using ModelEngine engine = new(chat.Alone);
        await engine.StopAsync(TimeSpan.Zero);
        Assert.True((await Assert.ThrowsAsync<EngineBusyException>(() => new DiffusionChatClient(engine).GetResponseAsync("x"))).IsStopped);
    }

    // Whoever gives this text up after its first step is in time: the second waits.
    private static ChatOptions Held(ManualResetEventSlim goesOn) => new()
    {
        MaxOutputTokens = 60,
        RawRepresentationFactory = _ => new SamplerOptions { Policy = () => new HeldPolicy(goesOn) },
    };

    private static async Task<List<ChatResponseUpdate>> Collect(IAsyncEnumerable<ChatResponseUpdate> updates)
    {
        List<ChatResponseUpdate> all = [];
        await foreach (ChatResponseUpdate update in updates)
        {
            all.Add(update);
        }

        return all;
    }

    private sealed class HeldPolicy(ManualResetEventSlim goesOn) : StepPolicy
    {
        private int _steps;

        public override void Begin(Canvas canvas) => _steps = 0;

        public override double Score(TokenDistribution row, CounterRandom random) => row.Probability;

        public override bool NeedsPass(in StepContext context) => ++_steps == 1 || goesOn.Wait(TimeSpan.FromSeconds(30));
    }
}
