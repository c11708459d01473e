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
        GenerationRequest request = new()
        {
            Model = server.Models["tiny"],
            Options = new SamplerOptions { Alternatives = 1 },
            Fork = Fork.Read(new JsonFields(JsonElement.Parse("{}"), ""), server.Tiny),
        };

        // Positions 1 … 5 were noisy; 2 and 4 grew, so by now 1 … 7 are.
        Canvas canvas = new(
            [CanvasSegment.Text([5]), CanvasSegment.Hole(7), CanvasSegment.Text([6])], server.Tiny.TokensFor(exactLength: false));
        DenoisingStep step = new(1, 1, 0, 7, canvas)
        {
            FinalBefore = canvas.Length,
            Expanded = [2, 4],
            Alternatives = [.. Enumerable.Range(1, 5).Select(position => new Alternatives(position, [(position + 10, 0.5)]))],
        };
        JsonObject shown = new StepEvents(request).Step(step);

        Assert.Equal([2, 4], shown["expanded"]!.AsArray().Select(position => (int)position!));
        JsonArray noisy = shown["noisy"]!.AsArray();
        Assert.Equal([1, 2, 3, 4, 5], noisy.Select(cell => (int)cell!["position"]!));
        Assert.All(noisy, cell => Assert.Equal((int)cell!["position"]! + 10, (int)cell["alternatives"]![0]!["token"]!));
    }
}
