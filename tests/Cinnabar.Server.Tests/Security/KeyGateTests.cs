using System.Net;
using System.Net.Http.Headers;
using Cinnabar.Server.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Tests.Security;

public sealed class KeyGateTests
{
    private static readonly ServerOptions s_keyed = new() { Keys = ApiKeys.Of("right-key", "other-key") };

    // The value of the header, and whether it holds a key of the server.
    private static readonly (string Header, bool IsRight)[] s_headers =
    [
        ("Bearer right-key", true),
        ("Bearer other-key", true),
        ("bearer right-key", true),
        ("Bearer  right-key", true),
        ("Bearer right-keys", false),
        ("Bearer right", false),
        ("Bearer", false),
        ("Bearer ", false),
        ("right-key", false),
        ("Basic right-key", false),
        ("Bearer right-key, Bearer x", false),
        ("BearerXright-key", false),
    ];

    [Fact]
    public async Task EveryRoute_ButHealthAndThePage_NeedsTheKey()
    {
        await using TestServer server = await TestServer.StartAsync(s_keyed);
        List<string> open = [];
        List<string> closed = [];
        IReadOnlyList<Endpoint> routes = server.Application.Services.GetRequiredService<EndpointDataSource>().Endpoints;
        foreach (RouteEndpoint route in routes.OfType<RouteEndpoint>())
        {
            string path = (route.RoutePattern.RawText ?? "").Replace("{**id}", "tiny", StringComparison.Ordinal);
            foreach (string method in route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods)
            {
                using HttpResponseMessage response = await SendAsync(server, method, path, key: null);
                (response.StatusCode == HttpStatusCode.Unauthorized ? closed : open).Add(path);
            }
        }

        string[] page = [.. typeof(CinnabarServer).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("page/", StringComparison.Ordinal)).Select(name => name["page".Length..])];
        Assert.Equal(page.Concat(["/", "/health"]).Order(StringComparer.Ordinal), open.Distinct().Order(StringComparer.Ordinal));
        Assert.Superset(new HashSet<string> { "/v1/models", "/v1/models/tiny", "/metrics", "/openapi.json" }, closed.ToHashSet());
    }

    [Fact]
    public async Task Key_IsTheWholeBearerToken()
    {
        await using TestServer server = await TestServer.StartAsync(s_keyed with { MaxBadKeys = 100 });
        foreach ((string header, bool isRight) in s_headers)
        {
            HttpRequestMessage request = new(HttpMethod.Get, "/v1/models");
            request.Headers.TryAddWithoutValidation("Authorization", header);

            using HttpResponseMessage response = await server.Client.SendAsync(request);

            if (isRight)
            {
                Assert.True(response.StatusCode == HttpStatusCode.OK, header);
                continue;
            }

            ErrorBody error = await ErrorBody.OfAsync(response, HttpStatusCode.Unauthorized);
            Assert.Equal(("invalid_request_error", "invalid_api_key"), (error.Type, error.Code));
            Assert.DoesNotContain("right", error.Message);
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
        }
    }

    [Fact]
    public async Task UnknownUrlAndWrongMethod_NeedTheKeyToo()
    {
        await using TestServer server = await TestServer.StartAsync(s_keyed);

        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(server, "GET", "/nothing", key: null)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(server, "DELETE", "/v1/models", key: null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(server, "GET", "/nothing", "right-key")).StatusCode);
    }

    [Fact]
    public async Task BadKeys_TenAMinute_ShutTheAddressOut()
    {
        ManualTime time = new();
        await using TestServer server = await TestServer.StartAsync(s_keyed, time: time);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(server, "GET", "/v1/models", $"guess-{i}")).StatusCode);
        }

        using HttpResponseMessage guess = await SendAsync(server, "GET", "/v1/models", "guess-10");
        using HttpResponseMessage right = await SendAsync(server, "GET", "/v1/models", "right-key");
        using HttpResponseMessage none = await SendAsync(server, "GET", "/v1/models", key: null);
        using HttpResponseMessage health = await SendAsync(server, "GET", "/health", key: null);
        time.Advance(TimeSpan.FromSeconds(61));
        using HttpResponseMessage later = await SendAsync(server, "GET", "/v1/models", "right-key");

        Assert.Equal("too_many_bad_keys", (await ErrorBody.OfAsync(guess, HttpStatusCode.TooManyRequests)).Code);
        Assert.Equal(TimeSpan.FromSeconds(60), guess.Headers.RetryAfter!.Delta);
        Assert.Equal(HttpStatusCode.TooManyRequests, right.StatusCode); // or the right guess would be seen
        Assert.Equal(HttpStatusCode.Unauthorized, none.StatusCode);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        Assert.Equal(HttpStatusCode.OK, later.StatusCode);
    }

    [Fact]
    public async Task Keys_AreInNoLogErrorOrMetric()
    {
        await using TestServer server = await TestServer.StartAsync(s_keyed, (application, _) =>
            application.MapGet("/defect", Task (HttpContext _) => throw new InvalidOperationException()));

        using HttpResponseMessage wrong = await SendAsync(server, "GET", "/v1/models?key=wrong-key", "wrong-key");
        using HttpResponseMessage defect = await SendAsync(server, "GET", "/defect", "right-key");
        using HttpResponseMessage metrics = await SendAsync(server, "GET", "/metrics", "right-key");
        string seen = await wrong.Content.ReadAsStringAsync() + await defect.Content.ReadAsStringAsync()
            + await metrics.Content.ReadAsStringAsync() + s_keyed;
        await server.Application.StopAsync();

        Assert.Contains("GET /defect 500", server.Log);
        Assert.DoesNotContain("right-key", seen + server.Log);
        Assert.DoesNotContain("wrong-key", seen + server.Log);
    }

    [Fact]
    public async Task WithoutKeys_AnyAuthorizationIsIgnored()
    {
        await using TestServer server = await TestServer.StartAsync();

        for (int i = 0; i < 12; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, "GET", "/v1/models", $"placeholder-{i}")).StatusCode);
        }
    }

    private static Task<HttpResponseMessage> SendAsync(TestServer server, string method, string path, string? key)
    {
        HttpRequestMessage request = new(HttpMethod.Parse(method), path);
        request.Headers.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return server.Client.SendAsync(request);
    }
}
