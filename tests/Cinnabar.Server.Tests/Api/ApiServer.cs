using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;
using Cinnabar.Server.Streams;
using Cinnabar.Serving;
using Cinnabar.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cinnabar.Server.Tests.Api;

/// <summary>
/// The endpoints over a real Kestrel with tiny models: "tiny" (masked, the default), "left" (autoregressive), "latent", "chat" (with a
/// template and a bias of lengths), with a template and a context that holds definitions of tools "long" and "tools", whose template knows
/// of them, "sure" with weights so large that it is sure of some tokens, and "drafting", which drafts. Errors before an answer become
/// envelopes as the host makes them.
/// </summary>
public sealed class ApiServer : IAsyncLifetime
{
    private const string Template =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}{% if enable_thinking %}{{ 'qqq' }}{% endif %}"
        + "{% if thinking %}{{ 'q' }}{% endif %}{{ 'assistant: ' }}";

    private const string ToolTemplate =
        "{% if tools %}{% for t in tools %}{{ t.function | tojson }}{% endfor %}<|endoftext|>{% endif %}"
        + "{% for m in messages %}{{ m.role }}: {% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function.name }} "
        + "{{ c.function.arguments | tojson }}</tool_call>{% endfor %}{% else %}{{ m.content }}{% endif %}"
        + "{% if m.tool_call_id %}[{{ m.tool_call_id }}]{% endif %}<|endoftext|>{% endfor %}"
        + "{{ 'assistant: ' }}";

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"cinnabar-api-{Guid.NewGuid():N}");
    private WebApplication? _app;
    private int _aborted;

    /// <summary>Talks to it.</summary>
    public HttpClient Client { get; } = new();

    /// <summary>Port it listens on.</summary>
    public int Port => Client.BaseAddress!.Port;

    /// <summary>The models, by name.</summary>
    public Dictionary<string, ServedModel> Models { get; } = [];

    /// <summary>Limits of requests from now on.</summary>
    public ServerOptions Limits { get; set; } = new();

    /// <summary>Requests that ended before their answers, as far as everybody who waits for them has been told.</summary>
    public int Aborted => Volatile.Read(ref _aborted);

    /// <summary>The model of requests that name none.</summary>
    public DiffusionModel Tiny => Models["tiny"].Engine.Model;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_folder);
        Add("tiny", change: null, template: null);
        Add("left", config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true }, template: null);
        Add("latent", TinyModelFolder.WithLatents, template: null);
        Add("chat", change: null, Template, $"{{\"bias\": [{string.Join(", ", Enumerable.Repeat("0.5", 16))}]}}");
        Add("long", config => config with { MaxSequenceLength = 800 }, Template);
        Add("tools", config => config with { MaxSequenceLength = 800 }, ToolTemplate);
        Add("sure", change: null, template: null, scale: 12);
        Add("filling", config => config with { ShiftLogits = true, CausalInfill = true }, template: null);
        TinyModelFolder.WriteDrafting(Path.Combine(_folder, "drafting"));
        Serve("drafting", Path.Combine(_folder, "drafting"));
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = 4 << 20);
        builder.Services.AddSingleton(new ServedModels([.. Models.Values]));
        builder.Services.AddTransient(_ => Limits);
        builder.Services.AddSingleton(TimeProvider.System);
        _app = builder.Build();
        _app.Use(AnswerErrorsAsync);
        _app.MapGeneration();
        await _app.StartAsync();
        Client.BaseAddress = new Uri(_app.Urls.First());
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await _app!.StopAsync();
        await _app.DisposeAsync();
        foreach (ServedModel model in Models.Values)
        {
            await model.Engine.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Waits until the engine of "tiny" is held; it goes on when <paramref name="gate"/> is passed as often.</summary>
    /// <returns>Completes when it has gone on.</returns>
    public async Task<Task> HoldAsync(SemaphoreSlim gate, int times = 1)
    {
        TaskCompletionSource isHeld = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task[] held =
        [
            .. Enumerable.Range(0, times).Select(_ => Models["tiny"].Engine.RunAsync(_ => isHeld.TrySetResult() | gate.Wait(10_000))),
        ];
        await isHeld.Task;
        return Task.WhenAll(held);
    }

    /// <summary>Sends a body and returns the status and the answer.</summary>
    public async Task<(int Status, JsonNode Body)> PostAsync(string path, string body, CancellationToken cancellation = default)
    {
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await Client.PostAsync(path, content, cancellation);
        return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancellation))!);
    }

    /// <summary>Sends an object that must be answered with 200.</summary>
    public async Task<JsonNode> AskAsync(string path, JsonObject body)
    {
        (int status, JsonNode answer) = await PostAsync(path, body.ToJsonString());
        Assert.True(status == 200, $"{path} {body.ToJsonString()}: {status} {answer.ToJsonString()}");
        return answer;
    }

    /// <summary>Sends an object that must be refused for a field.</summary>
    public async Task<string> RefuseAsync(string path, JsonObject body, string? param, int status = 400)
    {
        (int found, JsonNode answer) = await PostAsync(path, body.ToJsonString());
        Assert.True(found == status, $"{path} {body.ToJsonString()}: {found} {answer.ToJsonString()}");
        Assert.Equal(param, (string?)answer["error"]!["param"]);
        return (string)answer["error"]!["message"]!;
    }

    /// <summary>Reads a stream to its end: the events without "data: ", [DONE] and comments included.</summary>
    public async Task<List<string>> StreamAsync(string path, JsonObject body)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, path)
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage answer = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        string all = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, all);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        Assert.EndsWith("\n\n", all);
        return [.. all[..^2].Split("\n\n").Select(line => line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line)];
    }

    /// <summary>The chunks of a stream that must end as OpenAI's do.</summary>
    public async Task<List<JsonNode>> ChunksAsync(string path, JsonObject body)
    {
        List<string> events = await StreamAsync(path, body);
        Assert.Equal("[DONE]", events[^1]);
        return [.. events.Take(events.Count - 1).Select(line => JsonNode.Parse(line)!)];
    }

    private async Task AnswerErrorsAsync(HttpContext http, RequestDelegate next)
    {
        // Whoever registers last is told first, so the endpoint has been told when this counts.
        _ = http.RequestAborted.Register(() => Interlocked.Increment(ref _aborted));
        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
        }
        catch (Exception error) when (!http.Response.HasStarted)
        {
            http.Response.StatusCode = error switch
            {
                ApiException api => api.Status,
                EngineBusyException busy => busy.IsStopped ? 503 : 429,
                BadHttpRequestException bad => bad.StatusCode,
                CinnabarException => 400,
                _ => 500,
            };
            await http.Response.WriteAsync(error is ApiException or EngineBusyException
                ? StreamError.Of(error).ToJsonString()
                : JsonSerializer.Serialize(new { error = new { message = error.ToString(), type = "other", param = (string?)null } }));
        }
    }

    private void Add(
        string name, Func<ModelConfig, ModelConfig>? change, string? template, string? lengthBias = null, float scale = 1)
    {
        string path = Path.Combine(_folder, name);
        TinyModelFolder.Write(path, change);
        if (scale != 1)
        {
            string scaled = $"{path}-scaled";
            WriteScaled(path, scaled, scale);
            path = scaled;
        }

        if (template is not null)
        {
            File.WriteAllText(Path.Combine(path, "chat_template.jinja"), template);
        }

        if (lengthBias is not null)
        {
            File.WriteAllText(Path.Combine(path, LengthBias.FileName), lengthBias);
        }

        Serve(name, path);
    }

    private void Serve(string name, string path) =>
        Models.Add(name, new ServedModel(name, new ModelEngine(DiffusionModel.Load(path, KernelTable.Create(threads: 1))), Created: 1));

    // Norms stay as they are.
    private static void WriteScaled(string from, string to, float scale)
    {
        ModelFolder folder = ModelFolder.Open(from);
        Dictionary<string, Tensor> tensors = folder.Tensors.ToDictionary(named => named.Key, named => named.Value.To(DType.F32));
        foreach (Tensor matrix in tensors.Values.Where(tensor => tensor.Shape.Length > 1))
        {
            foreach (ref float value in matrix.Floats)
            {
                value *= scale;
            }
        }

        byte[] tokenizer = File.ReadAllBytes(folder.TokenizerPath);
        ModelFolder.Save(to, folder.Config, tensors, tokenizer, folder.GenerationConfig, "---\nlicense: mit\n---\n# tiny\n");
    }
}

/// <summary>Tests over one server, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class ApiTests : ICollectionFixture<ApiServer>
{
    public const string Name = "api";
}
