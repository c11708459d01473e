using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class LimitsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task Body_TooLarge_Is413_WhetherDeclaredOrNot()
    {
        await using TestServer server = await Reading(new ServerOptions { MaxBodyBytes = 1000 });

        using HttpResponseMessage most = await server.PostAsync("/read", new string(' ', 1000));
        using HttpResponseMessage declared = await server.PostAsync("/read", new string(' ', 1001));
        HttpRequestMessage chunks = new(HttpMethod.Post, "/read") { Content = new StringContent(new string(' ', 1001)) };
        chunks.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        chunks.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage chunked = await server.Client.SendAsync(chunks);

        Assert.Equal("1000", await most.Content.ReadAsStringAsync());
        Assert.Contains("1000 bytes", (await ErrorBody.OfAsync(declared, HttpStatusCode.RequestEntityTooLarge)).Message);
        Assert.Contains("1000 bytes", (await ErrorBody.OfAsync(chunked, HttpStatusCode.RequestEntityTooLarge)).Message);
    }

    [Fact]
    public void Defaults_AreThoseOfTheDocument()
    {
        ServerOptions options = new();

        Assert.Equal((4 << 20, 1024, 10), (options.MaxBodyBytes, options.MaxConnections, options.MaxBadKeys));
        Assert.Equal((10, 120), (options.HeadersTimeout.TotalSeconds, options.KeepAliveTimeout.TotalSeconds));
        Assert.Equal((30, 10), (options.WriteTimeout.TotalSeconds, options.StopWithin.TotalSeconds));
        Assert.Equal(("127.0.0.1", 5317, 64), ($"{options.Address}", options.Port, ServerOptions.MaxJsonDepth));
    }

    // The timers of the runtime refuse longer ones, and only once a request is there.
    [Fact]
    public void Times_BeyondADayOrNone_AreRefusedByName()
    {
        (string Name, Func<TimeSpan, ServerOptions> Make)[] times =
        [
            (nameof(ServerOptions.HeadersTimeout), time => new ServerOptions { HeadersTimeout = time }),
            (nameof(ServerOptions.KeepAliveTimeout), time => new ServerOptions { KeepAliveTimeout = time }),
            (nameof(ServerOptions.BodyTimeout), time => new ServerOptions { BodyTimeout = time }),
            (nameof(ServerOptions.WriteTimeout), time => new ServerOptions { WriteTimeout = time }),
            (nameof(ServerOptions.WallTime), time => new ServerOptions { WallTime = time }),
            (nameof(ServerOptions.PingInterval), time => new ServerOptions { PingInterval = time }),
            (nameof(ServerOptions.StopWithin), time => new ServerOptions { StopWithin = time }),
        ];
        TimeSpan[] wrong = [TimeSpan.MaxValue, TimeSpan.FromDays(1) + TimeSpan.FromTicks(1), Timeout.InfiniteTimeSpan, TimeSpan.MinValue];
        foreach ((string name, Func<TimeSpan, ServerOptions> make) in times)
        {
            Assert.All(wrong, time => Assert.Contains(name, Assert.Throws<CinnabarException>(make(time).Validate).Message));
            make(TimeSpan.FromMinutes(1)).Validate();
        }

        foreach ((string name, Func<TimeSpan, ServerOptions> make) in times.SkipLast(1))
        {
            Assert.Contains(name, Assert.Throws<CinnabarException>(make(TimeSpan.FromTicks(1)).Validate).Message);
            make(TimeSpan.FromDays(1)).Validate();
        }
    }

    [Fact]
    public async Task HeadersTooLong_Is431_RequestLineTooLong_Is414()
    {
        TestServer server = shared.Server;
        string host = $"HTTP/1.1\r\nHost: localhost:{server.Port}\r\n";
        string many = string.Concat(Enumerable.Range(0, 100).Select(i => $"X-{i}: 1\r\n"));

        Assert.Contains(" 431 ", await server.StatusLineOfAsync($"GET /health {host}X: {new string('a', 40_000)}\r\n\r\n"));
        Assert.Contains(" 431 ", await server.StatusLineOfAsync($"GET /health {host}{many}\r\n"));
        Assert.Contains(" 414 ", await server.StatusLineOfAsync($"GET /{new string('a', 9000)} {host}\r\n"));
    }

    [Fact]
    public async Task Headers_ThatDoNotEnd_Are408()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { HeadersTimeout = TimeSpan.FromMilliseconds(300) });

        Assert.Contains(" 408 ", await server.StatusLineOfAsync("GET /health HTTP/1.1\r\nHost: loc"));
    }

    [Fact]
    public async Task Body_ThatStalls_Is408InTheEnvelope()
    {
        await using TestServer server = await Reading(new ServerOptions { BodyTimeout = TimeSpan.FromSeconds(1.1) });
        using TcpClient connection = await server.ConnectAsync();
        NetworkStream stream = connection.GetStream();
        string half = $"POST /read HTTP/1.1\r\nHost: localhost:{server.Port}\r\n"
            + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(half));

        using StreamReader reader = new(stream);
        string answer = await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));

        Assert.StartsWith("HTTP/1.1 408 ", answer);
        Assert.Contains("\"type\":\"invalid_request_error\"", answer);
    }

    [Fact]
    public async Task Connections_BeyondTheLimit_AreClosed()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxConnections = 2 });
        string request = $"GET /health HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n";
        using TcpClient first = await server.ConnectAsync();
        using TcpClient second = await server.ConnectAsync();
        await first.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        await second.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        Assert.Contains(" 200 ", await TestServer.ReadStatusLineAsync(first.GetStream()));
        Assert.Contains(" 200 ", await TestServer.ReadStatusLineAsync(second.GetStream()));

        string third = await server.StatusLineOfAsync(request);
        first.Close();
        string afterwards = "closed";
        for (int attempt = 0; attempt < 50 && afterwards == "closed"; attempt++)
        {
            await Task.Delay(20);
            afterwards = await server.StatusLineOfAsync(request);
        }

        Assert.Equal("closed", third);
        Assert.Contains(" 200 ", afterwards);
    }

    [Theory]
    [InlineData("application/json", true)]
    [InlineData("application/json; charset=utf-8", true)]
    [InlineData("Application/JSON;charset=\"UTF-8\"", true)]
    [InlineData("application/json; charset=utf-16", false)]
    [InlineData("application/jsonp", false)]
    [InlineData("text/plain", false)]
    [InlineData("text/plain; application/json", false)]
    [InlineData("application/x-www-form-urlencoded", false)]
    [InlineData("multipart/form-data; boundary=x", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public async Task Body_OfAnotherType_Is415(string? type, bool isTaken)
    {
        HttpRequestMessage request = new(HttpMethod.Post, "/read") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        if (type is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        using HttpResponseMessage response = await shared.Server.Client.SendAsync(request);

        if (isTaken)
        {
            Assert.Equal("2", await response.Content.ReadAsStringAsync());
        }
        else
        {
            Assert.Equal("unsupported_media_type", (await ErrorBody.OfAsync(response, HttpStatusCode.UnsupportedMediaType)).Code);
        }
    }

    [Fact]
    public async Task Body_Compressed_Is415()
    {
        StringContent content = new("{}", Encoding.UTF8, "application/json");
        content.Headers.ContentEncoding.Add("gzip");

        using HttpResponseMessage response = await shared.Server.Client.PostAsync("/read", content);

        await ErrorBody.OfAsync(response, HttpStatusCode.UnsupportedMediaType);
    }

    private static Task<TestServer> Reading(ServerOptions options) =>
        TestServer.StartAsync(options, (application, _) => SharedServer.MapRead(application));
}
