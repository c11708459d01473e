using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;
using Cinnabar.Server.Streams;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class StepEventsTests(ApiServer server)
{
    [Fact]
    public void Step_HolesThatGrew_NumbersAllPositionsAsBefore()
    {
        // Positions 1 … 5 were noisy; 2 and 4 grew, so by now 1 … 7 are.
        Canvas canvas = new(
            [CanvasSegment.Text([5]), CanvasSegment.Hole(7), CanvasSegment.Text([6])], server.Tiny.TokensFor(exactLength: false));
        DenoisingStep step = new(1, 1, 0, 7, canvas)
        {
            FinalBefore = canvas.Length,
            Expanded = [2, 4],
            Alternatives = [.. Enumerable.Range(1, 5).Select(position => new Alternatives(position, [(position + 10, 0.5)]))],
        };
        JsonObject shown = NewEvents(alternatives: 1).Step(step);

        Assert.Equal([2, 4], shown["expanded"]!.AsArray().Select(position => (int)position!));
        JsonArray noisy = shown["noisy"]!.AsArray();
        Assert.Equal([1, 2, 3, 4, 5], noisy.Select(cell => (int)cell!["position"]!));
        Assert.All(noisy, cell => Assert.Equal((int)cell!["position"]! + 10, (int)cell["alternatives"]![0]!["token"]!));
    }

    [Fact]
    public void Step_BehindMissedOnes_BringsTheWholeCanvas()
    {
        int mask = server.Tiny.Tokenizer.MaskTokenId;
        int token = server.Tiny.Tokenizer.Encode("q")[0];
        Canvas canvas = new(
            [CanvasSegment.Text([token]), CanvasSegment.Hole(3), CanvasSegment.Text([token])], server.Tiny.TokensFor(exactLength: false));
        StepEvents events = NewEvents(alternatives: 0);
        JsonObject first = events.Step(At(1));
        canvas.Restore([token, token, mask, token, token]);
        JsonObject behind = events.Step(At(4));
        JsonObject next = events.Step(At(5));

        Assert.False(first.ContainsKey("canvas"));
        Assert.False(next.ContainsKey("canvas"));
        JsonNode state = behind["canvas"]!;
        Assert.Equal(5, (int)state["length"]!);
        Assert.Equal([token, token, mask, token, token], state["ids"]!.AsArray().Select(id => (int)id!));
        Assert.Equal([false, false, true, false, false], state["pieces"]!.AsArray().Select(piece => piece is null));
        Assert.Equal((double?[])[null, 1, null, 1, null], state["confidences"]!.AsArray().Select(value => (double?)value));
        JsonNode hole = Assert.Single(state["holes"]!.AsArray())!;
        Assert.Equal((1, 3), ((int)hole["start"]!, (int)hole["length"]!));
        Assert.Equal([server.Tiny.Config.PadTokenId], hole["ends"]!.AsArray().Select(id => (int)id!));

        DenoisingStep At(int step) => new(step, step, 0, canvas.NoisyCount, canvas) { FinalBefore = 0 };
    }

    private StepEvents NewEvents(int alternatives) => new(new GenerationRequest
    {
        Model = server.Models["tiny"],
        Options = new SamplerOptions { Alternatives = alternatives },
        Fork = Fork.Read(new JsonFields(JsonElement.Parse("{}"), ""), server.Tiny),
    });
}
