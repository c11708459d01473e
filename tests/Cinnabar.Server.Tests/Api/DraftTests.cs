using System.Text.Json.Nodes;
using Cinnabar.Sampling;

namespace Cinnabar.Server.Tests.Api;

/// <summary>A model whose own settings draft, and options that drafts do not go with.</summary>
[Collection(ApiTests.Name)]
public sealed class DraftTests(ApiServer server)
{
    private const string Completions = "/v1/completions";

    private static readonly SamplerOptions s_drafts = new() { MaxNewTokens = 12, BlockSize = 4, DraftTokens = 6, Seed = 4 };
    private static readonly SamplerOptions s_masks = s_drafts with { DraftTokens = null };

    // What drafts do not go with wins over those of the model.
    [Fact]
    public async Task Completion_OfAModelThatDrafts_IsTheLibrarysText()
    {
        await Gives("{}", s_drafts);
        await Gives("{\"temperature\":0.7,\"top_p\":0.9,\"top_k\":50}", s_drafts with { Temperature = 0.7, TopP = 0.9, TopK = 50 });
        await Gives("{\"max_passes\":5}", s_drafts with { MaxPasses = 5 });
        await Gives("{\"draft_tokens\":2,\"steps\":6}", s_drafts with { DraftTokens = 2 });
        await Gives("{\"draft_tokens\":null}", s_masks);
        await Gives("{\"steps\":6}", s_masks with { Steps = 6 });
        await Gives("{\"block_length\":12}", s_masks with { BlockSize = 12 });
        await Gives("{\"block_length\":null}", s_masks with { BlockSize = null });
        await Gives("{\"remasking\":\"random\"}", s_masks with { Remasking = Remasking.Random });
        await Gives("{\"threshold\":0.004}", s_masks with { Threshold = 0.004 });
        await Gives("{\"reasoning_effort\":\"low\"}", s_masks with { Threshold = 0.7 });
        await Gives("{\"cache\":\"dual\"}", s_masks with { Cache = CacheKind.Dual });
        await Gives("{\"cfg_scale\":1}", s_masks with { CfgScale = 1 });
        await Gives("{\"early_exit\":0.1}", s_masks with { EarlyExit = 0.1 });
        await Gives("{\"remask_below\":0.004,\"steps\":8}", s_masks with { RemaskBelow = 0.004, Steps = 8 });

        async Task Gives(string way, SamplerOptions options)
        {
            JsonObject body = JsonNode.Parse(way)!.AsObject();
            body["model"] = "drafting";
            body["prompt"] = "int Max(";
            body["seed"] = 4;
            JsonNode answer = await server.AskAsync(Completions, body);
            GenerationResult expected = await server.Models["drafting"].Engine.RunAsync(model => model.Generate("int Max(", options));
            Assert.Equal(
                (way, expected.Holes[0].Text, expected.ForwardPasses),
                (way, (string?)answer["choices"]![0]!["text"], (int)answer["diffusion"]!["passes"]!));
        }
    }

    [Fact]
    public async Task Hole_WithTextBehindIt_IsFilledWithoutDrafts()
    {
        JsonNode answer = await server.AskAsync(Completions, new JsonObject
        {
            ["model"] = "drafting", ["prompt"] = "int Max(", ["suffix"] = ") { }", ["max_tokens"] = 9, ["seed"] = 4,
        });

        GenerationResult expected = await server.Models["drafting"].Engine.RunAsync(
            model => model.Infill(new TextWithHoles(["int Max(", ") { }"], [9]), s_masks));
        Assert.Equal(expected.Holes[0].Text, (string?)answer["choices"]![0]!["text"]);
        Assert.Equal(expected.ForwardPasses, (int)answer["diffusion"]!["passes"]!);
    }

    [Fact]
    public async Task Drafts_ThatCannotBe_AreRefusedInTheWordsOfTheWire()
    {
        JsonObject body = new() { ["model"] = "drafting", ["prompt"] = "x", ["draft_tokens"] = 6, ["cfg_scale"] = 1 };
        Assert.Equal(
            "Expected the option draft_tokens to be null beside cfg_scale, found 6. Change draft_tokens.",
            await server.RefuseAsync(Completions, body, "draft_tokens"));

        string message = await server.RefuseAsync(Completions, new JsonObject { ["prompt"] = "x", ["draft_tokens"] = 6 }, "draft_tokens");
        Assert.EndsWith("Leave draft_tokens out.", message);
    }

    [Fact]
    public async Task Verifying_WithANetworkThatShiftsItsLogits_IsRefusedInTheWordsOfTheWire()
    {
        JsonObject body = new() { ["model"] = "drafting", ["prompt"] = "x", ["threshold"] = 0.8, ["verify_threshold"] = 0.9 };
        string message = await server.RefuseAsync(Completions, body, "verify_threshold");
        Assert.EndsWith("Leave verify_threshold out.", message);
    }
}
