using System.Net;
using Cinnabar.Numerics;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class ErrorAnswersTests
{
    [Fact]
    public async Task ApiException_KeepsAllItsParts()
    {
        await using TestServer server = await Throwing(
            () => new ApiException(418, "odd_error", "A “sentence”.", "messages[2].role", "odd") { RetryAfter = 7 });

        using HttpResponseMessage response = await server.Client.GetAsync("/throw");

        ErrorBody error = await ErrorBody.OfAsync(response, (HttpStatusCode)418);
        Assert.Equal(new ErrorBody("A “sentence”.", "odd_error", "messages[2].role", "odd"), error);
        Assert.Equal(TimeSpan.FromSeconds(7), response.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task Busy_Is429WithRetryAfter_Stopped_Is503()
    {
        await using TestServer busy = await Throwing(() => new EngineBusyException("Full.", isStopped: false));
        await using TestServer stopped = await Throwing(() => new EngineBusyException("Stopped.", isStopped: true));

        using HttpResponseMessage first = await busy.Client.GetAsync("/throw");
        using HttpResponseMessage second = await stopped.Client.GetAsync("/throw");

        Assert.Equal("overloaded_error", (await ErrorBody.OfAsync(first, HttpStatusCode.TooManyRequests)).Type);
        Assert.Equal(TimeSpan.FromSeconds(1), first.Headers.RetryAfter!.Delta);
        Assert.Equal("unavailable_error", (await ErrorBody.OfAsync(second, HttpStatusCode.ServiceUnavailable)).Type);
    }

    [Fact]
    public async Task CinnabarException_Is400()
    {
        await using TestServer server = await Throwing(() => new CinnabarException("Expected a, found b.", "Change b."));

        using HttpResponseMessage response = await server.Client.GetAsync("/throw");

        Assert.Equal(
            new ErrorBody("Expected a, found b. Change b.", "invalid_request_error", null, null),
            await ErrorBody.OfAsync(response, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData(false, "ok")]
    [InlineData(true, "failed")]
    public async Task DeviceException_Is503WithItsWords_AndOneForGoodTurnsHealth(bool isLost, string health)
    {
        await using TestServer server = await TestServer.StartAsync(map: (application, engine) => application.MapGet("/throw", async context =>
            await engine.RunAsync<int>(_ => throw new DeviceException("Expected a, found b.", "Lower c.") { IsLost = isLost })));

        using HttpResponseMessage response = await server.Client.GetAsync("/throw");
        using HttpResponseMessage after = await server.Client.GetAsync("/health");

        Assert.Equal(
            new ErrorBody("Expected a, found b. Lower c.", "unavailable_error", null, null),
            await ErrorBody.OfAsync(response, HttpStatusCode.ServiceUnavailable));
        Assert.Equal(isLost ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.OK, after.StatusCode);
        Assert.Equal($$"""{"status":"{{health}}"}""", await after.Content.ReadAsStringAsync());
        Assert.DoesNotContain("defect", server.Log);
    }

    [Fact]
    public async Task CancelledByTheServer_Is503()
    {
        await using TestServer server = await Throwing(() => new TaskCanceledException());

        using HttpResponseMessage response = await server.Client.GetAsync("/throw");

        Assert.Equal("unavailable_error", (await ErrorBody.OfAsync(response, HttpStatusCode.ServiceUnavailable)).Type);
    }

    [Fact]
    public async Task Defect_Is500WithoutDetailAndWithAnIdThatTheLogHas()
    {
        await using TestServer server = await Throwing(() => new FormatException("the prompt of somebody", new IOException("more of it")));

        using HttpResponseMessage response = await server.Client.GetAsync("/throw");

        ErrorBody error = await ErrorBody.OfAsync(response, HttpStatusCode.InternalServerError);
        Assert.Equal("server_error", error.Type);
        Assert.DoesNotContain("Format", error.Message);
        Assert.DoesNotContain("somebody", error.Message);
        string id = System.Text.RegularExpressions.Regex.Match(error.Message, "[0-9a-f]{12}").Value;
        Assert.Contains($"defect {id}: System.FormatException", server.Log);
        Assert.Contains("System.IO.IOException", server.Log);
        Assert.DoesNotContain("somebody", server.Log);
        Assert.DoesNotContain("more of it", server.Log);
        Assert.Equal("""{"status":"ok"}""", await server.Client.GetStringAsync("/health"));
    }

    [Fact]
    public async Task Defect_InABegunAnswer_EndsItVisibly()
    {
        await using TestServer server = await TestServer.StartAsync(map: (application, _) => application.MapGet("/begun", async context =>
        {
            await context.Response.WriteAsync("half of");
            await context.Response.Body.FlushAsync();
            throw new InvalidOperationException();
        }));

        await Assert.ThrowsAsync<HttpRequestException>(() => server.Client.GetStringAsync("/begun"));

        Assert.Contains("System.InvalidOperationException", server.Log);
    }

    private static Task<TestServer> Throwing(Func<Exception> error) =>
        TestServer.StartAsync(map: (application, _) => application.MapGet("/throw", Task (HttpContext _) => throw error()));
}
