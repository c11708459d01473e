using System.Net;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Tests.Api;

/// <summary>Several texts of one request.</summary>
[Collection(ApiTests.Name)]
public sealed class GenerationTests(ApiServer server)
{
    [Fact]
    public async Task TextThatFails_GivesUpTheOthersOfItsRequest()
    {
        ServedModel served = server.Models["tiny"];
        Assert.True(SpinWait.SpinUntil(() => served.Engine.Status is { Running: 0, Waiting: 0 }, 10_000));
        EngineStatus before = served.Engine.Status;
        int made = 0;
        GenerationRequest request = GenerationRequest.Read(JsonBody.Parse("{\"n\":3}"u8), served);
        request = request with
        {
            Options = request.Options with { Policy = () => new Slow(fails: Interlocked.Increment(ref made) == 2) },
        };
        using ServiceProvider services = new ServiceCollection().AddSingleton(new ServerOptions()).BuildServiceProvider();
        DefaultHttpContext http = new() { RequestServices = services };

        await Assert.ThrowsAsync<InvalidTimeZoneException>(
            () => Generation.WriteAsync(http, request, () => served.Engine.Model.CanvasFor("x", 80)));

        // They would have taken 80 steps of 10 ms.
        EngineStatus after = served.Engine.Status;
        Assert.Equal((1, 2), (after.Failed - before.Failed, after.Cancelled - before.Cancelled));
    }

    // To try again in a moment would be of no use.
    [Fact]
    public async Task MoreTextsThanThereCanEverBeRoomFor_Is400AndNamesN()
    {
        await using TestServer small = await TestServer.StartAsync(engines: new EngineOptions { MaxRunning = 1, MaxWaiting = 1 });
        using HttpResponseMessage refused = await small.PostAsync("/v1/completions", """{"prompt":"x","max_tokens":2,"n":3}""");
        ErrorBody error = await ErrorBody.OfAsync(refused, HttpStatusCode.BadRequest);
        Assert.Equal("n", error.Param);
        Assert.StartsWith("Expected n to be at most 2, ", error.Message, StringComparison.Ordinal);

        using HttpResponseMessage answered = await small.PostAsync("/v1/completions", """{"prompt":"x","max_tokens":2,"n":2}""");
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
    }

    private sealed class Slow(bool fails) : StepPolicy
    {
        public override double Score(TokenDistribution row, CounterRandom random) => 0;

        public override int Count(ReadOnlySpan<double> scores, in StepContext context)
        {
            Thread.Sleep(5);
            return fails ? throw new InvalidTimeZoneException() : base.Count(scores, context);
        }
    }
}
