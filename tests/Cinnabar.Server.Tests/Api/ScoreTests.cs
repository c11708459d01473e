using System.Text.Json.Nodes;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Proofreading;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class ScoreTests(ApiServer server)
{
    private const string Text = "int a = b > c ? naïve : 2;";

    [Fact]
    public async Task Masked_IsTheBoundWithItsError()
    {
        JsonNode answer = await server.AskAsync("/v1/score", new JsonObject { ["text"] = Text, ["samples"] = 5, ["seed"] = 3 });

        LikelihoodEstimate nats = await server.Models["tiny"].Engine.RunAsync(model => new LikelihoodBound(model.Denoiser, model.Kernels)
            .Estimate(model.Tokenizer.Encode(Text), 5, new DeterministicRandom(3)));
        Assert.Equal("score", (string?)answer["object"]);
        Assert.Equal(nats.Nats / Math.Log(2), (double)answer["bits"]!, 9);
        Assert.Equal(nats.Nats / Math.Log(2) / 27, (double)answer["bits_per_byte"]!, 9);
        Assert.Equal(nats.StandardError / Math.Log(2) / 27, (double)answer["standard_error"]!, 9);
        Assert.Null(answer["tokens"]);
    }

    [Fact]
    public async Task Surprise_IsThatOfEachTokenMaskedAlone()
    {
        JsonNode answer = await server.AskAsync("/v1/score", new JsonObject { ["text"] = Text, ["samples"] = 1, ["surprise"] = true });

        int[] ids = server.Tiny.Tokenizer.Encode(Text);
        JsonArray tokens = answer["tokens"]!.AsArray();
        Assert.Equal(ids, tokens.Select(token => (int)token!["token"]!));
        string text = string.Concat(tokens.Select(token => (string)token!["text"]!));
        Assert.Equal(Text, text.Replace(@"\xC3\xAF", "ï", StringComparison.Ordinal));
        double[] expected = await server.Models["tiny"].Engine.RunAsync(model => ids.Select((id, i) =>
        {
            int[] masked = [.. ids];
            masked[i] = model.Config.MaskTokenId;
            return -LogProbability(model.Denoiser.Logits(masked, [i]), 0, id) / Math.Log(2);
        }).ToArray());
        Assert.All(expected.Zip(tokens), pair => Assert.Equal(pair.First, (double)pair.Second!["surprise"]!, 1e-4));
    }

    [Fact]
    public async Task Autoregressive_IsExactAndTheSumOfItsSurprises()
    {
        JsonNode answer = await server.AskAsync("/v1/score", new JsonObject { ["model"] = "left", ["text"] = Text, ["surprise"] = true });

        double sum = answer["tokens"]!.AsArray().Sum(token => (double)token!["surprise"]!);
        Assert.True((bool)answer["exact"]!);
        Assert.Equal(0, (double)answer["standard_error"]!);
        Assert.Equal(sum, (double)answer["bits"]!, 1e-4);
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("left")]
    public async Task Suggestions_AreTheProofreaders(string name)
    {
        const string Wrong = "\uFEFFint a = b > c ?? naïve : 2;\r\n";
        JsonNode answer = await server.AskAsync(
            "/v1/score", new JsonObject { ["model"] = name, ["text"] = Wrong, ["samples"] = 1, ["suggestions"] = 4, ["threshold"] = 0 });

        ProofreadText expected = await server.Models[name].Engine.RunAsync(
            model => new Proofreader(model, new ProofreadingOptions { Most = 4, Threshold = 0 }).Read(Wrong));
        JsonArray suggestions = answer["suggestions"]!.AsArray();
        Assert.NotEmpty(suggestions);
        Assert.Equal(expected.Suggestions.Select(place => place.Start), suggestions.Select(place => (int)place!["start"]!));
        Assert.All(expected.Suggestions.Zip(suggestions), pair =>
        {
            Assert.Equal(pair.First.Text, (string?)pair.Second!["text"]);
            Assert.Equal((pair.First.Line, pair.First.Column), ((int)pair.Second["line"]!, (int)pair.Second["column"]!));
            Assert.Equal(pair.First.Score, (double)pair.Second["score"]!, 9);
            Assert.Equal(
                pair.First.Replacements.Select(replacement => replacement.Text),
                pair.Second["replacements"]!.AsArray().Select(replacement => (string?)replacement!["text"]));
        });
        Assert.Null((await server.AskAsync("/v1/score", new JsonObject { ["text"] = Wrong }))["suggestions"]);
    }

    [Fact]
    public async Task LongText_IsRefusedWithBothNumbers()
    {
        string message = await server.RefuseAsync("/v1/score", new JsonObject { ["text"] = new string('q', 97) }, "text");

        Assert.Contains(" 96 ", message);
        Assert.Contains("97", message);
    }

    [Fact]
    public async Task Tokens_GoThereAndBack()
    {
        const string Strange = "a<|mask|>🙂\n";
        JsonNode answer = await server.AskAsync("/tokenize", new JsonObject { ["content"] = Strange });
        JsonNode pieces = await server.AskAsync("/tokenize", new JsonObject { ["content"] = "a\n", ["with_pieces"] = true });
        JsonNode back = await server.AskAsync("/detokenize", new JsonObject { ["tokens"] = answer["tokens"]!.DeepClone() });

        Assert.Equal(server.Tiny.Tokenizer.Encode(Strange), answer["tokens"]!.AsArray().Select(id => (int)id!));
        Assert.Equal(Strange, (string?)back["content"]);
        Assert.Equal(["a", "\n"], pieces["tokens"]!.AsArray().Select(token => (string)token!["piece"]!));
        await server.RefuseAsync("/tokenize", new JsonObject { ["content"] = "a", ["parse_special"] = true }, "parse_special");
        await server.RefuseAsync("/detokenize", new JsonObject { ["tokens"] = new JsonArray(0, 5000) }, "tokens[1]");
    }

    [Fact]
    public async Task Piece_ThatIsPartOfACharacter_IsItsBytes()
    {
        JsonNode answer = await server.AskAsync("/tokenize", new JsonObject { ["content"] = @"😀\xF0<|mask|>", ["with_pieces"] = true });

        JsonNode[] pieces = [.. answer["tokens"]!.AsArray().Select(token => token!["piece"]!)];
        JsonNode[] parts = [.. pieces.Where(piece => piece is JsonArray)];
        Assert.True(parts.Length > 1);
        Assert.Equal("😀"u8, parts.SelectMany(part => part.AsArray()).Select(value => (byte)value!).ToArray());
        Assert.Equal(@"\xF0<|mask|>", string.Concat(pieces.Where(piece => piece is JsonValue).Select(piece => (string)piece!)));
    }

    [Fact]
    public async Task Tokens_OfALongText_AreRefusedByTheirNumber()
    {
        string text = string.Concat(Enumerable.Repeat(";q", 1 << 19)) + ";";
        JsonObject body = new() { ["content"] = text, ["with_pieces"] = true };

        Assert.Contains("1048577", await server.RefuseAsync("/tokenize", body, "content"), StringComparison.Ordinal);
    }

    private static double LogProbability(Tensor logits, int row, int id)
    {
        double[] values = [.. logits.Floats.ToArray().Skip(row * logits.Shape[1]).Take(logits.Shape[1]).Select(value => (double)value)];
        double most = values.Max();
        return values[id] - most - Math.Log(values.Sum(value => Math.Exp(value - most)));
    }
}
