using System.Text;
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class ServerLogTests
{
    [Fact]
    public async Task Request_IsOneLineWithoutQueryBodyOrKey()
    {
        await using TestServer server = await Counting(new ServerOptions());
        HttpRequestMessage request = new(HttpMethod.Post, "/count?secret=query")
        {
            Content = new StringContent("\"the prompt\"", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("Authorization", "Bearer the-key");

        using HttpResponseMessage response = await server.Client.SendAsync(request);
        string log = await LogOf(server);

        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ POST /count 200 \d+ ms 43 tokens 12 passes\r?\n$", log);
    }

    [Fact]
    public async Task Path_CannotControlATerminal()
    {
        await using TestServer server = await Counting(new ServerOptions());

        await server.StatusLineOfAsync($"GET /%1b[2J%0a{new string('x', 300)} HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n");
        string log = await LogOf(server);

        Assert.Contains("GET /%1b[2J%0axxx", log);
        Assert.Contains("xxx… 404 ", log);
        Assert.Single(log.TrimEnd().Split('\n'));
        Assert.True(log.Length < 200);
    }

    [Fact]
    public async Task Quiet_WritesNoLines()
    {
        await using TestServer server = await Counting(new ServerOptions { LogsRequests = false });

        await server.Client.GetStringAsync("/health");
        await server.Application.StopAsync();

        Assert.Equal("", server.Log);
    }

    // The line is written after the answer: it is there once the server has stopped.
    private static async Task<string> LogOf(TestServer server)
    {
        await server.Application.StopAsync();
        return server.Log;
    }

    private static Task<TestServer> Counting(ServerOptions options) => TestServer.StartAsync(options, (application, _) =>
        application.MapPost("/count", context =>
        {
            RequestWork.Of(context).Add(tokens: 40, passes: 10);
            RequestWork.Of(context).Add(tokens: 3, passes: 2);
            return context.Response.WriteAsync("{}");
        }));
}
