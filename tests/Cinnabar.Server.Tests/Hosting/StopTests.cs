using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class StopTests
{
    [Fact]
    public async Task Stop_WithWorkThatEndsInTime_FinishesItAndRefusesMore()
    {
        await using TestServer server = await Working(TimeSpan.FromSeconds(10), stepTime: TimeSpan.FromMilliseconds(40));
        Task<HttpResponseMessage> running = server.PostAsync("/work");
        await Until(() => server.Engine.Status.Running == 1);

        Task stop = server.Application.StopAsync();
        await Until(async () => (await server.Client.GetAsync("/health")).StatusCode == HttpStatusCode.ServiceUnavailable);
        string health = await (await server.Client.GetAsync("/health")).Content.ReadAsStringAsync();
        using HttpResponseMessage refused = await server.PostAsync("/work");
        using HttpResponseMessage finished = await running;
        await stop;

        Assert.Equal("""{"status":"stopping"}""", health);
        Assert.Equal("unavailable_error", (await ErrorBody.OfAsync(refused, HttpStatusCode.ServiceUnavailable)).Type);
        Assert.Equal("12", await finished.Content.ReadAsStringAsync());
        await Assert.ThrowsAsync<HttpRequestException>(() => server.Client.GetAsync("/health"));
    }

    [Fact]
    public async Task Stop_WithWorkThatDoesNotEnd_EndsItWithAnError()
    {
        await using TestServer server = await Working(TimeSpan.FromMilliseconds(100), stepTime: TimeSpan.FromMilliseconds(200));
        Task<HttpResponseMessage> running = server.PostAsync("/work");
        await Until(() => server.Engine.Status.Running == 1);
        Stopwatch time = Stopwatch.StartNew();

        await server.Application.StopAsync();

        Assert.InRange(time.Elapsed.TotalSeconds, 0.1, 2);
        using HttpResponseMessage ended = await running;
        Assert.Equal("unavailable_error", (await ErrorBody.OfAsync(ended, HttpStatusCode.ServiceUnavailable)).Type);
    }

    [Fact]
    public async Task Stop_WithAScoreOfManyPasses_FinishesIt()
    {
        const string Text = "{\"text\":\"int x = 1;\",\"samples\":8,\"surprise\":true}";
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage first = await server.PostAsync("/v1/score", Text); // the next one takes no time to begin
        using HttpResponseMessage finished = await StoppedMeanwhile(server, "/v1/score", Text);
        Assert.Equal(HttpStatusCode.OK, finished.StatusCode);
        Assert.Equal(await first.Content.ReadAsStringAsync(), await finished.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Stop_WhileLengthsAreSearchedFor_FillsTheHolesAsWell()
    {
        const string Text = "{\"segments\":[\"a\",{\"hole\":{\"max_tokens\":9}},\"b\"],\"length\":\"probe\",\"seed\":1,\"temperature\":1}";
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage first = await server.PostAsync("/v1/infill", Text);
        using HttpResponseMessage finished = await StoppedMeanwhile(server, "/v1/infill", Text);
        Assert.Equal(HttpStatusCode.OK, finished.StatusCode);
        Assert.Equal(await TextOf(first), await TextOf(finished));

        static async Task<string> TextOf(HttpResponseMessage answer) =>
            (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["text"]!;
    }

    [Fact]
    public async Task Stop_WithARequestThatNeverEnds_ClosesItsConnection()
    {
        ServerOptions options = new() { StopWithin = TimeSpan.Zero };
        TaskCompletionSource begun = new();
        await using TestServer server = await TestServer.StartAsync(options, (application, _) => application.MapPost(
            "/stuck",
            async context =>
            {
                begun.SetResult();
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }));
        Task<HttpResponseMessage> running = server.PostAsync("/stuck");
        await begun.Task;
        Stopwatch time = Stopwatch.StartNew();

        await CinnabarServer.StopAsync(server.Application);

        Assert.InRange(time.Elapsed.TotalSeconds, 0, 5);
        await Assert.ThrowsAsync<HttpRequestException>(() => running);
    }

    [Fact]
    public async Task Port_InUse_IsOneSentence()
    {
        await using TestServer first = await TestServer.StartAsync();
        await using ModelEngine engine = TestServer.NewEngine();
        ServedModels models = TestServer.Serve(("tiny", engine));
        await using WebApplication second = CinnabarServer.Create(new ServerOptions { Port = first.Port }, models);

        CinnabarException error = await Assert.ThrowsAsync<CinnabarException>(() => CinnabarServer.StartAsync(second));

        Assert.Contains($"port {first.Port}", error.Message);
        Assert.Contains("another program listens", error.Message);
        Assert.Contains("--port", error.Message);
    }

    [Fact]
    public async Task Address_OfAnotherMachine_IsOneSentence()
    {
        await using ModelEngine engine = TestServer.NewEngine();
        ServerOptions options = new() { Address = IPAddress.Parse("192.0.2.1"), Port = 0, AllowsAnybody = true };
        await using WebApplication server = CinnabarServer.Create(options, TestServer.Serve(("tiny", engine)));

        CinnabarException error = await Assert.ThrowsAsync<CinnabarException>(() => CinnabarServer.StartAsync(server));

        Assert.Contains("192.0.2.1", error.Message);
        Assert.Contains("--host", error.Message);
    }

    // An endpoint that fills 12 tokens, one a step.
    private static Task<TestServer> Working(TimeSpan stopWithin, TimeSpan stepTime) => TestServer.StartAsync(
        new ServerOptions { StopWithin = stopWithin },
        (application, engine) => application.MapPost("/work", async context =>
        {
            SamplerOptions options = engine.Model.DefaultOptions with { Policy = () => new SlowPolicy(stepTime) };
            GenerationResult result = await engine.Submit(engine.Model.CanvasFor("int x", 12), options).Completion;
            await context.Response.WriteAsync($"{result.Steps}");
        }));

    // The answer to a request that waits for its first pass when the server is told to stop.
    private static async Task<HttpResponseMessage> StoppedMeanwhile(TestServer server, string path, string body)
    {
        using SemaphoreSlim gate = new(0);
        Task<bool> held = server.Engine.RunAsync(_ => gate.Wait(10_000));
        Task<HttpResponseMessage> running = server.PostAsync(path, body);
        await Task.Delay(500); // until its first pass waits

        Task stop = server.Application.StopAsync();
        await Until(async () => (await server.Client.GetAsync("/health")).StatusCode == HttpStatusCode.ServiceUnavailable);
        gate.Release();
        HttpResponseMessage finished = await running;
        await stop;
        Assert.True(await held);
        return finished;
    }

    private static Task Until(Func<bool> holds) => Until(() => Task.FromResult(holds()));

    private static async Task Until(Func<Task<bool>> holds)
    {
        for (int attempt = 0; attempt < 2000; attempt++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(5);
        }

        Assert.Fail("It did not happen.");
    }

    private sealed class SlowPolicy(TimeSpan stepTime) : StepPolicy
    {
        public override double Score(TokenDistribution row, CounterRandom random) => 0;

        public override int Count(ReadOnlySpan<double> scores, in StepContext context)
        {
            Thread.Sleep(stepTime);
            return base.Count(scores, context);
        }
    }
}
