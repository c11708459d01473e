using System.Text.Json;
using Cinnabar.Serving;
using Cinnabar.Tokenizers;
using Microsoft.Extensions.AI;

namespace Cinnabar.Extensions.AI.Tests;

/// <summary>The steps of a stream show how its answer came about.</summary>
public sealed class DenoisingStepContentTests(TinyChat chat) : IClassFixture<TinyChat>
{
    [Fact]
    public void Steps_OfAStream_WriteTheAnswer()
    {
        // An answer that fills all of its positions.
        List<ChatResponseUpdate> updates =
            Enumerable.Range(0, 30).Select(seed => Answer(chat.Engine, "x", seed)).First(FillsItsPositions);
        List<DenoisingStepContent> steps = StepsOf(updates);
        Assert.Equal([1, 2, 3, 4, 5], steps.Select(step => step.Step));
        Assert.Equal([1, 2, 3, 4, 5], steps.Select(step => step.Passes));
        int[] written = [.. steps.Select((_, i) => steps.Take(i + 1).Sum(step => step.Committed.Count))];
        Assert.Equal(written.Select(count => 12 - count), steps.Select(step => step.Remaining));
        Assert.Equal(Enumerable.Range(0, 12), steps.SelectMany(step => step.Committed).Select(token => token.Position).Order());
        Assert.All(steps.SelectMany(step => step.Committed), token =>
        {
            Assert.InRange(token.Confidence, 0, 1);
            Assert.Equal(chat.Alone.Tokenizer.TokenText(token.TokenId), token.Text);
        });
        Assert.Equal(steps.Select(step => step.Remaining), steps.Select(step => step.Text.Count(c => c == DenoisingStepContent.Noise)));
        Assert.Equal(string.Concat(updates.Select(update => update.Text)), steps[^1].Text);
        Assert.All(updates.Where(update => update.Contents is [DenoisingStepContent]), update => Assert.Equal("", update.Text));
    }

    // A space that stands before the answer already, the caller's line ends, and a word behind a prompt, whose space would be left out at
    // the begin of a text: answers that are not what their tokens are by themselves.
    [Theory]
    [InlineData(false, "x ")]
    [InlineData(false, "x\r\n")]
    [InlineData(true, "The cat")]
    public void Steps_LastOne_HasTheTextOfTheAnswer(bool isLlama, string prompt)
    {
        ModelEngine engine = isLlama ? chat.Llama : chat.WithoutTemplate;
        Tokenizer tokenizer = engine.Model.Tokenizer;
        List<ChatResponseUpdate> updates = Enumerable.Range(0, 2000).Select(seed => Answer(engine, prompt, seed))
            .First(answer => TextOf(answer) != tokenizer.Decode(TokensOf(answer, tokenizer.EndOfTextTokenId)));
        Assert.Equal(TextOf(updates), StepsOf(updates)[^1].Text);
    }

    [Fact]
    public void Steps_WordsBehindNoise_KeepTheirSpaces()
    {
        Tokenizer tokenizer = chat.Llama.Model.Tokenizer;
        List<ChatResponseUpdate>[] answers =
            [.. Enumerable.Range(0, 500).Select(seed => Answer(chat.Llama, "The cat", seed)).Where(FillsItsPositions).Take(10)];
        Assert.Equal(10, answers.Length);
        foreach (List<ChatResponseUpdate> updates in answers)
        {
            Dictionary<int, string> written = [];
            foreach (DenoisingStepContent step in StepsOf(updates))
            {
                foreach (WrittenToken token in step.Committed)
                {
                    written[token.Position] = tokenizer.Decode([token.TokenId], first: false);
                }

                string noise = DenoisingStepContent.Noise.ToString();
                Assert.Equal(string.Concat(Enumerable.Range(0, 12).Select(i => written.GetValueOrDefault(i, noise))), step.Text);
            }

            Assert.Equal(12, written.Count);
        }
    }

    [Fact]
    public void Steps_OfARevisingPolicy_ShowWhatWasTakenBack()
    {
        ChatOptions options = new()
        {
            Seed = 3,
            Temperature = 1,
            MaxOutputTokens = 30,
            AdditionalProperties = new() { ["steps"] = 8, ["remask_below"] = 0.5, ["edit_threshold"] = 0.0001 },
        };
        Dictionary<int, int> written = [];
        int revised = 0;
        DenoisingStepContent? last = null;
        IAsyncEnumerable<ChatResponseUpdate> stream = new DiffusionChatClient(chat.Engine).GetStreamingResponseAsync("x", options);
        foreach (ChatResponseUpdate update in stream.ToBlockingEnumerable())
        {
            foreach (DenoisingStepContent step in update.Contents.OfType<DenoisingStepContent>())
            {
                Assert.All(step.Edited, token => Assert.True(written.ContainsKey(token.Position)));
                foreach (WrittenToken token in step.Committed.Concat(step.Edited))
                {
                    written[token.Position] = token.TokenId;
                }

                Assert.All(step.Renoised, position => Assert.True(written.Remove(position)));
                Assert.Equal(30 - step.Remaining, written.Count);
                revised += step.Renoised.Count + step.Edited.Count;
                last = step;
            }
        }

        Assert.True(revised > 0);
        int end = chat.Alone.Tokenizer.EndOfTextTokenId;
        int[] answer = [.. written.OrderBy(pair => pair.Key).Select(pair => pair.Value).TakeWhile(id => id != end)];
        Assert.Equal(chat.Alone.Tokenizer.Decode(answer), last!.Text);
    }

    [Fact]
    public void Step_Registered_IsSerialised()
    {
        JsonSerializerOptions json = new(AIJsonUtilities.DefaultOptions);
        json.AddAIContentType<DenoisingStepContent>("denoising_step");
        ChatResponseUpdate update = new DiffusionChatClient(chat.Engine)
            .GetStreamingResponseAsync("x", new() { Seed = 1, MaxOutputTokens = 4 }).ToBlockingEnumerable().First();
        string text = JsonSerializer.Serialize(update, json);
        ChatResponseUpdate back = JsonSerializer.Deserialize<ChatResponseUpdate>(text, json)!;
        DenoisingStepContent step = Assert.IsType<DenoisingStepContent>(back.Contents.Single());
        DenoisingStepContent sent = (DenoisingStepContent)update.Contents.Single();
        Assert.Equal((sent.Step, sent.Text, sent.Remaining), (step.Step, step.Text, step.Remaining));
        Assert.Equal(sent.Committed, step.Committed);
    }

    private static List<ChatResponseUpdate> Answer(ModelEngine engine, string prompt, int seed)
    {
        ChatOptions options = new() { Seed = seed, Temperature = 1, MaxOutputTokens = 12, AdditionalProperties = new() { ["steps"] = 5 } };
        DiffusionChatClient client = new(engine, new DiffusionChatClientOptions { ContinueWithoutTemplate = true });
        return [.. client.GetStreamingResponseAsync(prompt, options).ToBlockingEnumerable()];
    }

    private static bool FillsItsPositions(List<ChatResponseUpdate> answer) => answer[^1].FinishReason == ChatFinishReason.Length;

    private static List<DenoisingStepContent> StepsOf(List<ChatResponseUpdate> answer) =>
        [.. answer.SelectMany(update => update.Contents).OfType<DenoisingStepContent>()];

    private static string TextOf(List<ChatResponseUpdate> answer) => string.Concat(answer.Select(update => update.Text));

    private static int[] TokensOf(List<ChatResponseUpdate> answer, int end) =>
    [
        .. StepsOf(answer).SelectMany(step => step.Committed).OrderBy(token => token.Position).Select(token => token.TokenId)
            .TakeWhile(id => id != end),
    ];
}
