using System.Net;
using System.Text.Json;
using Cinnabar.Serving;
using Cinnabar.Tokenizers;
using Microsoft.AspNetCore.Builder;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class EndpointTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task Models_AreListedWithKindAndOptions()
    {
        TestServer server = shared.Server;

        using JsonDocument list = JsonDocument.Parse(await server.Client.GetStringAsync("/v1/models"));
        using JsonDocument one = JsonDocument.Parse(await server.Client.GetStringAsync("/v1/models/tiny"));

        Assert.Equal("list", list.RootElement.GetProperty("object").GetString());
        JsonElement model = list.RootElement.GetProperty("data").EnumerateArray().Single();
        Assert.Equal(one.RootElement.GetRawText(), model.GetRawText());
        Assert.Equal("tiny", model.GetProperty("id").GetString());
        Assert.Equal("model", model.GetProperty("object").GetString());
        Assert.Equal(1_700_000_000, model.GetProperty("created").GetInt64());
        Assert.Equal("cinnabar", model.GetProperty("owned_by").GetString());
        JsonElement ours = model.GetProperty("cinnabar");
        Assert.Equal("masked", ours.GetProperty("kind").GetString());
        Assert.Equal(ServedModel.HashOf(server.Engine.Model.Tokenizer), ours.GetProperty("tokenizer").GetString());
        Assert.Equal(96, ours.GetProperty("context").GetInt32());
        Assert.False(ours.GetProperty("chat").GetBoolean());
        Assert.False(ours.GetProperty("grows").GetBoolean());
        Assert.Equal(server.Engine.Model.CanDraft, ours.GetProperty("drafts").GetBoolean());
        Assert.True(ours.GetProperty("default").GetBoolean());
        Assert.Equal(server.Engine.Model.Config.ParameterCount, ours.GetProperty("parameters").GetInt64());
        JsonElement options = ours.GetProperty("options");
        Assert.Equal(12, options.GetProperty("max_tokens").GetInt32());
        Assert.Equal("low_confidence", options.GetProperty("remasking").GetString());
        Assert.Equal(JsonValueKind.Null, options.GetProperty("threshold").ValueKind);
    }

    [Fact]
    public void HashOfATokenizer_IsThatOfItsTokens()
    {
        BpeTrainer trainer = new(new BpeTrainerOptions { VocabularySize = 270, Threads = 1 });
        string[] hashes = [.. ((string[])["int a;\n", "int a;\n", "once upon\n"]).Select(
            text => ServedModel.HashOf(trainer.Train(Enumerable.Repeat(text, 4))))];

        Assert.Matches("^[0-9a-f]{12}$", hashes[0]);
        Assert.Equal(hashes[0], hashes[1]);
        Assert.NotEqual(hashes[0], hashes[2]);
    }

    [Theory]
    [InlineData("/v1/models/other")]
    [InlineData("/v1/models/org/name")]
    [InlineData("/v1/models/%2e%2e%2ftiny")]
    public async Task Models_UnknownName_Is404(string path)
    {
        TestServer server = shared.Server;

        using HttpResponseMessage response = await server.Client.GetAsync(path);

        ErrorBody error = await ErrorBody.OfAsync(response, HttpStatusCode.NotFound);
        Assert.Equal(("model_not_found", "model"), (error.Code, error.Param));
    }

    [Theory]
    [InlineData("org/tiny")]
    [InlineData("org%2Ftiny")]
    [InlineData("org%2ftiny")]
    public async Task Models_NameWithASlash_IsFoundEscapedOrNot(string name)
    {
        ServedModels models = TestServer.Serve(("org/tiny", TestServer.NewEngine()));
        await using WebApplication application = CinnabarServer.Create(new ServerOptions { Port = 0 }, models);
        using HttpClient client = new() { BaseAddress = new Uri(await CinnabarServer.StartAsync(application)) };

        using JsonDocument model = JsonDocument.Parse(await client.GetStringAsync($"/v1/models/{name}"));

        Assert.Equal("org/tiny", model.RootElement.GetProperty("id").GetString());
        await CinnabarServer.StopAsync(application);
    }

    [Theory]
    [InlineData("/v1/models")]
    [InlineData("/v1/models/tiny")]
    [InlineData("/metrics")]
    [InlineData("/openapi.json")]
    public async Task Head_IsGetWithoutItsBody(string path)
    {
        TestServer server = shared.Server;

        using HttpResponseMessage get = await server.Client.GetAsync(path);
        using HttpResponseMessage head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));

        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.True(head.Content.Headers.ContentLength > 0);
        Assert.Equal("", await head.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Health_Running_IsOkWithoutBodyForHead()
    {
        TestServer server = shared.Server;

        Assert.Equal("""{"status":"ok"}""", await server.Client.GetStringAsync("/health"));
        using HttpResponseMessage head = await server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/health"));
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal("", await head.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Metrics_CountRequestsAndTexts()
    {
        await using TestServer server = await TestServer.StartAsync();
        GenerationResult result = await server.Engine.Submit(server.Engine.Model.CanvasFor("int x", 12)).Completion;
        await server.Client.GetStringAsync("/health");
        await server.Client.GetStringAsync("/health");
        using HttpResponseMessage unknown = await server.Client.GetAsync("/made/up");

        using HttpResponseMessage response = await server.Client.GetAsync("/metrics");
        string[] lines = (await response.Content.ReadAsStringAsync()).TrimEnd('\n').Split('\n');

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Contains("cinnabar_requests_total{endpoint=\"/health\",status=\"200\"} 2", lines);
        Assert.Contains("cinnabar_requests_total{endpoint=\"unknown\",status=\"404\"} 1", lines);
        Assert.Contains("cinnabar_request_seconds_count{endpoint=\"/health\"} 2", lines);
        Assert.Contains("cinnabar_request_seconds_bucket{endpoint=\"/health\",le=\"+Inf\"} 2", lines);
        Assert.Contains("cinnabar_texts_finished_total{model=\"tiny\"} 1", lines);
        Assert.Contains($"cinnabar_steps_total{{model=\"tiny\"}} {result.Steps}", lines);
        Assert.Contains($"cinnabar_passes_total{{model=\"tiny\"}} {result.ForwardPasses}", lines);
        Assert.Contains($"cinnabar_new_tokens_total{{model=\"tiny\"}} {result.NewTokens}", lines);
        Assert.Contains("cinnabar_running{model=\"tiny\"} 0", lines);
        Assert.Contains("cinnabar_queue_depth{model=\"tiny\"} 0", lines);
        Assert.Contains("# TYPE cinnabar_request_seconds histogram", lines);
        Assert.Contains("# TYPE cinnabar_running gauge", lines);
        Assert.Contains("# TYPE cinnabar_requests_total counter", lines);
        Assert.Contains(lines, line => line.StartsWith("cinnabar_tokens_per_step{model=\"tiny\"} ", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.Matches("""^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{[^{}]+\} [0-9.E+-]+|.*\{\*\*id\}.*)$""", line));
    }

    [Fact]
    public async Task Page_IsServedWithItsHeadersAndByETag()
    {
        TestServer server = shared.Server;

        using HttpResponseMessage page = await server.Client.GetAsync("/");
        HttpRequestMessage again = new(HttpMethod.Get, "/index.html");
        again.Headers.IfNoneMatch.Add(page.Headers.ETag!);
        using HttpResponseMessage unchanged = await server.Client.SendAsync(again);

        Assert.Equal("text/html; charset=utf-8", page.Content.Headers.ContentType!.ToString());
        Assert.Contains("<html", await page.Content.ReadAsStringAsync());
        Assert.Equal(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; "
            + "frame-ancestors 'none'; base-uri 'none'",
            page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", page.Headers.GetValues("Referrer-Policy").Single());
        Assert.Equal("same-origin", page.Headers.GetValues("Cross-Origin-Resource-Policy").Single());
        Assert.Equal("no-cache", page.Headers.GetValues("Cache-Control").Single());
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
        Assert.Equal("", await unchanged.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("/v1/nothing")]
    [InlineData("/../etc/passwd")]
    [InlineData("/page/index.html")]
    [InlineData("/appsettings.json")]
    public async Task UnknownUrl_Is404InTheEnvelope(string path)
    {
        TestServer server = shared.Server;

        using HttpResponseMessage response = await server.Client.GetAsync(path);

        ErrorBody error = await ErrorBody.OfAsync(response, HttpStatusCode.NotFound);
        Assert.Equal(("invalid_request_error", "unknown_url", null), (error.Type, error.Code, error.Param));
    }

    [Fact]
    public async Task WrongMethod_Is405WithAllow()
    {
        TestServer server = shared.Server;

        using HttpResponseMessage response = await server.PostAsync("/v1/models");

        ErrorBody error = await ErrorBody.OfAsync(response, HttpStatusCode.MethodNotAllowed);
        Assert.Equal("method_not_allowed", error.Code);
        Assert.Equal(["GET", "HEAD"], response.Content.Headers.Allow.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Preflight_GetsNoCorsHeaders()
    {
        TestServer server = shared.Server;
        HttpRequestMessage preflight = new(HttpMethod.Options, "/v1/models");
        preflight.Headers.Add("Origin", server.Url);
        preflight.Headers.Add("Access-Control-Request-Method", "POST");

        using HttpResponseMessage response = await server.Client.SendAsync(preflight);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task StopSequence_EndsTheEngines()
    {
        TestServer server = await TestServer.StartAsync();

        await server.DisposeAsync();

        EngineBusyException refused = Assert.Throws<EngineBusyException>(() => server.Engine.Submit(server.Engine.Model.CanvasFor("x", 4)));
        Assert.True(refused.IsStopped);
    }
}
