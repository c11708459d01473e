using System.Text.Json;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Microsoft.Extensions.AI;

namespace Cinnabar.Extensions.AI.Tests;

/// <summary>Every option is honoured, or refused by name.</summary>
public sealed class ChatOptionsTests(TinyChat chat) : IClassFixture<TinyChat>
{
    private static readonly AIFunction s_secret = AIFunctionFactory.Create(() => 42, "Secret");

    public static TheoryData<string, ChatOptions> Refused => new()
    {
        { "ToolMode", new() { ToolMode = ChatToolMode.RequireAny } },
        { "found 'not'", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("{\"not\":{}}")) } },
        { "functions, found web_search", new() { Tools = [new HostedWebSearchTool()] } },
        { "one of Secret, found 'Other'", new() { Tools = [s_secret], ToolMode = ChatToolMode.RequireSpecific("Other") } },
        { "different names, found 2", new() { Tools = [s_secret, s_secret] } },
        { "FrequencyPenalty", new() { FrequencyPenalty = 0.5f } },
        { "PresencePenalty", new() { PresencePenalty = -1 } },
        { "Reasoning", new() { Reasoning = new() { Effort = ReasoningEffort.High } } },
        { "ConversationId", new() { ConversationId = "1" } },
        { "ContinuationToken", new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) } },
        { "AllowBackgroundResponses", new() { AllowBackgroundResponses = true } },
        { "ModelId", new() { ModelId = "gpt" } },
        { "Temperature", new() { Temperature = -1 } },
        { "Temperature", new() { Temperature = float.NaN } },
        { "TopP", new() { TopP = 0 } },
        { "TopP", new() { TopP = float.PositiveInfinity } },
        { "TopK", new() { TopK = 0 } },
        { "MaxNewTokens", new() { MaxOutputTokens = 0 } },
        { "MaxNewTokens", new() { MaxOutputTokens = -3 } },
        { "stop texts", new() { StopSequences = ["a", ""] } },
        { "Threshold", new() { AdditionalProperties = new() { ["threshold"] = 2 } } },
        { "threshold to be a finite number", new() { AdditionalProperties = new() { ["threshold"] = "high" } } },
        { "threshold to be a finite number", new() { AdditionalProperties = new() { ["threshold"] = double.NaN } } },
        { "steps to be a whole number", new() { AdditionalProperties = new() { ["steps"] = 1.5 } } },
        { "steps to be a whole number", new() { AdditionalProperties = new() { ["steps"] = 1e12 } } },
        { "low_confidence", new() { AdditionalProperties = new() { ["remasking"] = "best" } } },
        { "low_confidence", new() { AdditionalProperties = new() { ["remasking"] = 1 } } },
        { "credit to be true or false", new() { AdditionalProperties = new() { ["credit"] = 1 } } },
        { "include_steps to be true or false", new() { AdditionalProperties = new() { ["include_steps"] = "yes" } } },
        { "found " + new string('x', 59) + "….", new() { AdditionalProperties = new() { ["steps"] = new string('x', 59) + "🙂x" } } },
        { "found 'best_of'", new() { AdditionalProperties = new() { ["best_of"] = 2 } } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Option_ThatCannotBeHonoured_IsRefusedByName(string says, ChatOptions options)
    {
        DiffusionChatClient client = new(chat.Engine);
        Assert.Contains(says, (await Assert.ThrowsAsync<CinnabarException>(() => client.GetResponseAsync("x", options))).Message);
        await Assert.ThrowsAsync<CinnabarException>(async () =>
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("x", options))
            {
            }
        });
    }

    [Fact]
    public async Task Options_ThatMeanNothing_AreAccepted()
    {
        ChatOptions options = new()
        {
            Tools = [AIFunctionFactory.Create(() => 42, "Secret")],
            ToolMode = ChatToolMode.None,
            ResponseFormat = ChatResponseFormat.Text,
            FrequencyPenalty = 0,
            PresencePenalty = 0,
            Reasoning = new() { Effort = ReasoningEffort.None },
            AllowBackgroundResponses = false,
            AllowMultipleToolCalls = true,
            ModelId = "tiny-chat",
            StopSequences = [],
            AdditionalProperties = new() { ["steps"] = null, ["threshold"] = JsonDocument.Parse("null").RootElement },
            RawRepresentationFactory = _ => "of another provider",
        };
        Assert.NotNull(await new DiffusionChatClient(chat.Engine).GetResponseAsync("x", options));
    }

    [Fact]
    public async Task Options_ThatAreHonoured_GiveTheTextOfTheModel()
    {
        ChatOptions options = new()
        {
            Temperature = 0.7f,
            TopP = 0.9f,
            TopK = 40,
            Seed = -2,
            MaxOutputTokens = 16,
            Instructions = "be brief",
            AdditionalProperties = new()
            {
                ["steps"] = 6L,
                ["block_length"] = JsonDocument.Parse("8").RootElement,
                ["remasking"] = "margin",
                ["cache"] = CacheKind.Dual,
                ["transfer"] = JsonDocument.Parse("\"timestep\"").RootElement,
                ["remask_below"] = 0.003f,
            },
        };
        ChatOptions before = options.Clone();
        ChatResponse response = await new DiffusionChatClient(chat.Engine).GetResponseAsync("x", options);
        SamplerOptions expected = new()
        {
            Temperature = 0.7,
            TopP = 0.9,
            TopK = 40,
            Seed = unchecked((ulong)-2L),
            MaxNewTokens = 16,
            Steps = 6,
            BlockSize = 8,
            Remasking = Remasking.Margin,
            Cache = CacheKind.Dual,
            Transfer = Transfer.Timestep,
            RemaskBelow = 0.003,
        };
        GenerationResult result = chat.Alone.Chat([new("system", "be brief"), new("user", "x")], expected);
        Assert.Equal(result.Holes[0].Text, response.Text);
        Assert.Equal(before.Temperature, options.Temperature);
        Assert.Equal(before.AdditionalProperties!.Count, options.AdditionalProperties.Count);
    }

    [Fact]
    public async Task RawRepresentation_SamplerOptions_AreTheStart()
    {
        SamplerOptions start = new() { Steps = 3, Temperature = 1, MaxNewTokens = 9 };
        ChatResponse response = await new DiffusionChatClient(chat.Engine).GetResponseAsync(
            "x", new() { Seed = 4, RawRepresentationFactory = _ => start, AdditionalProperties = new() { ["steps"] = 4 } });
        GenerationResult expected = chat.Alone.Chat([new("user", "x")], start with { Steps = 4, Seed = 4 });
        Assert.Equal(expected.Holes[0].Text, response.Text);
    }

    // What drafts do not go with wins over those of the model.
    [Fact]
    public async Task ModelThatDrafts_GivesTheTextOfTheModel()
    {
        SamplerOptions drafts = chat.DraftingAlone.DefaultOptions with { Seed = 4 };
        SamplerOptions masks = drafts with { DraftTokens = null };
        Assert.NotEqual(Expected(masks).Text, Expected(drafts).Text);
        await Gives(new(), drafts);
        await Gives(new() { Temperature = 0.7f, TopP = 0.9f }, drafts with { Temperature = 0.7, TopP = 0.9 });
        await Gives(With("max_passes", 5), drafts with { MaxPasses = 5 });
        await Gives(With("draft_tokens", null), masks);
        AdditionalPropertiesDictionary alone = new() { ["draft_tokens"] = null, ["left_to_right"] = true };
        await Gives(new() { AdditionalProperties = alone }, masks with { LeftToRight = true });
        await Gives(With("left_to_right", false), masks);
        await Gives(With("steps", 6), masks with { Steps = 6 });
        await Gives(With("block_length", 12), masks with { BlockSize = 12 });
        await Gives(With("remasking", "margin"), masks with { Remasking = Remasking.Margin });
        await Gives(With("cache", "dual"), masks with { Cache = CacheKind.Dual });
        await Gives(With("cfg_scale", 1), masks with { CfgScale = 1 });

        static ChatOptions With(string name, object? value) => new() { AdditionalProperties = new() { [name] = value } };

        GenerationResult Expected(SamplerOptions options) => chat.DraftingAlone.Chat([new("user", "x")], options);

        async Task Gives(ChatOptions options, SamplerOptions expected)
        {
            options.Seed = 4;
            DiffusionChatClient client = new(chat.Drafting);
            ChatResponse response = await client.GetResponseAsync("x", options);
            List<ChatResponseUpdate> updates = [.. client.GetStreamingResponseAsync("x", options).ToBlockingEnumerable()];
            GenerationResult result = Expected(expected);
            Assert.Equal(result.Holes[0].Text, response.Text);
            Assert.Equal(response.Text, string.Concat(updates.Select(update => update.Text)));
            Assert.Equal(result.ForwardPasses, updates[^1].AdditionalProperties!["passes"]);
        }
    }

    [Fact]
    public async Task Drafts_ThatCannotBe_AreRefusedByName()
    {
        Assert.Equal(
            "Expected the option DraftTokens to be null beside CfgScale, found 6. Change DraftTokens.",
            await Message(chat.Drafting, new() { ["draft_tokens"] = 6, ["cfg_scale"] = 1 }));
        string message = await Message(chat.Engine, new() { ["draft_tokens"] = 6 });
        Assert.Contains("for the option DraftTokens, found", message);
        Assert.EndsWith("Leave DraftTokens out.", message);

        static async Task<string> Message(ModelEngine engine, AdditionalPropertiesDictionary properties) =>
            (await Assert.ThrowsAsync<CinnabarException>(
                () => new DiffusionChatClient(engine).GetResponseAsync("x", new() { AdditionalProperties = properties }))).Message;
    }

    [Fact]
    public async Task Seed_NotGiven_IsRandomAndReported()
    {
        DiffusionChatClient client = new(chat.Engine);
        ChatOptions options = new() { Temperature = 1, MaxOutputTokens = 12 };
        List<ChatResponseUpdate> first = [.. client.GetStreamingResponseAsync("x", options).ToBlockingEnumerable()];
        List<ChatResponseUpdate> second = [.. client.GetStreamingResponseAsync("x", options).ToBlockingEnumerable()];
        ulong seed = (ulong)first[^1].AdditionalProperties!["seed"]!;
        Assert.NotEqual(seed, second[^1].AdditionalProperties!["seed"]);
        options.Seed = unchecked((long)seed);
        Assert.Equal(string.Concat(first.Select(update => update.Text)), (await client.GetResponseAsync("x", options)).Text);
        Assert.InRange((int)first[^1].AdditionalProperties!["steps"]!, 1, 12); // a seed may end the text early
    }

    [Fact]
    public async Task StopSequences_InTheText_CutItAndEndTheWork()
    {
        DiffusionChatClient client = new(chat.Engine);
        ChatOptions options = new() { Temperature = 1, Seed = 8, MaxOutputTokens = 40 };
        string whole = (await client.GetResponseAsync("x", options)).Text;
        string stop = whole.Substring(whole.Length / 2, 2);
        options.StopSequences = [stop, "not in it at all"];
        ChatResponse response = await client.GetResponseAsync("x", options);
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);

        // From the left, one token a step: the rest is not written.
        options.AdditionalProperties = new() { ["block_length"] = 1 };
        options.StopSequences = null;
        string leftToRight = (await client.GetResponseAsync("x", options)).Text;
        stop = Enumerable.Range(0, leftToRight.Length / 2).Select(i => leftToRight.Substring(i, 2)).First(pair => pair.All(char.IsAscii));
        options.StopSequences = [stop];
        List<ChatResponseUpdate> updates = [.. client.GetStreamingResponseAsync("x", options).ToBlockingEnumerable()];
        Assert.InRange((int)updates[^1].AdditionalProperties!["steps"]!, 1, 30);

        // The tokens that were needed are counted, whichever step was seen last; not the masks behind them.
        DenoisingStepContent[] steps = [.. updates.SelectMany(update => update.Contents).OfType<DenoisingStepContent>()];
        IEnumerable<WrittenToken> written = steps.SelectMany(step => step.Committed).OrderBy(token => token.Position);
        int[] ids = [.. written.Select(token => token.TokenId)];
        int needed = Enumerable.Range(1, ids.Length)
            .First(count => chat.Alone.Tokenizer.Decode(ids.AsSpan(0, count)).Contains(stop, StringComparison.Ordinal));
        UsageDetails usage = updates.SelectMany(update => update.Contents).OfType<UsageContent>().Single().Details;
        Assert.Equal(needed, usage.OutputTokenCount);
        Assert.Equal(usage.InputTokenCount + needed, usage.TotalTokenCount);
        Assert.Equal(needed, (await client.GetResponseAsync("x", options)).Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task Contents_ThatAreNoText_AreRefusedByName()
    {
        DiffusionChatClient client = new(chat.Engine);
        AIContent[] contents = [new DataContent(new byte[] { 1 }, "image/png"), new UriContent("http://localhost/a.png", "image/png")];
        foreach (AIContent content in contents)
        {
            ChatMessage[] messages = [new(ChatRole.User, "a"), new(ChatRole.User, [new TextContent("what?"), content])];
            string message = (await Assert.ThrowsAsync<CinnabarException>(() => client.GetResponseAsync(messages))).Message;
            Assert.Contains($"message 1, found a {content.GetType().Name}", message);
        }

        Assert.Contains("at least one", (await Assert.ThrowsAsync<CinnabarException>(() => client.GetResponseAsync([]))).Message);
    }

    [Fact]
    public async Task ModelWithoutTemplate_IsRefusedUnlessItShallContinue()
    {
        DiffusionChatClient strict = new(chat.WithoutTemplate);
        Assert.Contains("chat template", (await Assert.ThrowsAsync<CinnabarException>(() => strict.GetResponseAsync("x"))).Message);
        DiffusionChatClient client = new(chat.WithoutTemplate, new() { ContinueWithoutTemplate = true });
        ChatOptions options = new() { Seed = 1, MaxOutputTokens = 8, Temperature = 1 };
        GenerationResult expected = chat.Alone.Generate("int Max(", new() { Seed = 1, MaxNewTokens = 8, Temperature = 1 });
        Assert.Equal(expected.Holes[0].Text, (await client.GetResponseAsync("int Max(", options)).Text);
        ChatMessage[] two = [new(ChatRole.User, "a"), new(ChatRole.User, "b")];
        Assert.Contains("one user message", (await Assert.ThrowsAsync<CinnabarException>(() => client.GetResponseAsync(two))).Message);
        options.Instructions = "be brief";
        await Assert.ThrowsAsync<CinnabarException>(() => client.GetResponseAsync("a", options));
    }

    [Fact]
    public async Task Conversation_LongerThanTheContext_SaysBothNumbers()
    {
        string message = (await Assert.ThrowsAsync<CinnabarException>(
            () => new DiffusionChatClient(chat.Engine).GetResponseAsync(new string('é', 300)))).Message;
        Assert.Contains("context of 96 tokens", message);
    }
}
