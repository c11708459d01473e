using System.Net;
using Cinnabar.Server.Security;

namespace Cinnabar.Server.Tests.Security;

public sealed class RequestOriginTests
{
    private const int Port = 5317;

    public static TheoryData<string> ForeignHosts =>
    [
        "", "evil.example", "evil.example:5317", "localhost.evil.example:5317", "localhost.evil.com:5317", "evil-localhost:5317",
        "127.0.0.1.evil.example:5317", "127.0.0.1.nip.io:5317", "localhost.:5317", "localhost..:5317", "127.0.0.1.:5317", "localhost",
        "localhost:80", "localhost:05317", "localhost:5317:5317", "localhost:53170", "localhost:531", "localhost:+5317", "localhost: 5317",
        "localhost:5317 ", " localhost:5317", "localhost:5317/", "localhost:5317#", "localhost:5317?", "localhost:5317@evil.example",
        "user@localhost:5317", "user:pass@127.0.0.1:5317", "127.1:5317", "2130706433:5317", "0x7f000001:5317", "0177.0.0.1:5317",
        "127.0.0.2:5317", "0.0.0.0:5317", "[::]:5317", "::1:5317", "[::1%25lo]:5317", "[::1%lo]:5317", "[::1]", "[::1]:80",
        "[0:0:0:0:0:0:0:1]:5317", "[::ffff:127.0.0.1]:5317", "localhost%00:5317", "localhost\0:5317", "\uff4cocalhost:5317",
        "local\u200bhost:5317",
        "localhost,evil.example:5317", "localhost:5317,evil.example",
    ];

    [Theory]
    [MemberData(nameof(ForeignHosts))]
    public void Host_OfNobodyHere_Is403(string host)
    {
        ApiException error = Assert.Throws<ApiException>(() => new RequestOrigin(IPAddress.Loopback).Require(host, origin: null, Port));

        Assert.Equal((403, "host_not_allowed"), (error.Status, error.Code));
    }

    [Theory]
    [InlineData("localhost:5317")]
    [InlineData("LocalHost:5317")]
    [InlineData("127.0.0.1:5317")]
    [InlineData("[::1]:5317")]
    public void Host_OfThisMachine_IsTaken(string host) => new RequestOrigin(IPAddress.Loopback).Require(host, origin: null, Port);

    [Fact]
    public void Host_OwnName_Port80AndBoundAddress_AreTaken()
    {
        new RequestOrigin(IPAddress.Loopback).Require($"{Environment.MachineName}:5317", origin: null, Port);
        new RequestOrigin(IPAddress.Loopback).Require("localhost", origin: null, port: 80);
        new RequestOrigin(IPAddress.Parse("127.0.0.2")).Require("127.0.0.2:5317", origin: null, Port);
        new RequestOrigin(IPAddress.IPv6Loopback).Require("[::1]:5317", origin: null, Port);
    }

    [Fact]
    public void Host_OfANetworkAddress_IsNotLookedAt() =>
        new RequestOrigin(IPAddress.Any).Require("any.name.example", origin: null, Port);

    [Theory]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("http://evil.example")]
    [InlineData("http://evil.example:5317")]
    [InlineData("https://localhost:5317")]
    [InlineData("http://localhost")]
    [InlineData("http://localhost:8080")]
    [InlineData("http://localhost:5317/")]
    [InlineData("http://localhost:5317.evil.example")]
    [InlineData("http://127.0.0.1:5317")]
    [InlineData("localhost:5317")]
    [InlineData("file://localhost:5317")]
    [InlineData("chrome-extension://localhost:5317")]
    [InlineData("http://user@localhost:5317")]
    [InlineData("http://localhost:5317, http://evil.example")]
    public void Origin_OfAnotherPage_Is403(string origin)
    {
        ApiException error = Assert.Throws<ApiException>(
            () => new RequestOrigin(IPAddress.Loopback).Require("localhost:5317", origin, Port));

        Assert.Equal((403, "origin_not_allowed"), (error.Status, error.Code));
        Assert.Throws<ApiException>(() => new RequestOrigin(IPAddress.Any).Require("localhost:5317", origin, Port));
    }

    [Fact]
    public void Origin_OfTheOwnPage_IsTaken() =>
        new RequestOrigin(IPAddress.Any).Require("box.example:5317", "http://box.example:5317", Port);

    [Fact]
    public async Task Request_WithForeignHostOrOrigin_Is403OverTheWire()
    {
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage host = await SendAsync(server, "/health", "Host", "localhost.evil.example");
        using HttpResponseMessage page = await SendAsync(server, "/", "Host", $"evil.example:{server.Port}");
        using HttpResponseMessage origin = await SendAsync(server, "/v1/models", "Origin", "http://evil.example");
        using HttpResponseMessage own = await SendAsync(server, "/v1/models", "Origin", $"http://127.0.0.1:{server.Port}");

        Assert.Equal("host_not_allowed", (await ErrorBody.OfAsync(host, HttpStatusCode.Forbidden)).Code);
        Assert.Equal("host_not_allowed", (await ErrorBody.OfAsync(page, HttpStatusCode.Forbidden)).Code);
        Assert.Equal("origin_not_allowed", (await ErrorBody.OfAsync(origin, HttpStatusCode.Forbidden)).Code);
        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
        Assert.All(
            [host, page, origin, own],
            answer => Assert.DoesNotContain(answer.Headers, h => h.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase)));
    }

    private static Task<HttpResponseMessage> SendAsync(TestServer server, string path, string header, string value)
    {
        HttpRequestMessage request = new(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation(header, value);
        return server.Client.SendAsync(request);
    }
}
