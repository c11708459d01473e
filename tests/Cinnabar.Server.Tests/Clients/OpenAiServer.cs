#pragma warning disable OPENAI001 // the client calls parts of itself experimental
using System.ClientModel;
using System.ClientModel.Primitives;
using Cinnabar.Numerics;
using Cinnabar.Serving;
using Cinnabar.Tests;
using Microsoft.AspNetCore.Builder;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace Cinnabar.Server.Tests.Clients;

/// <summary>The server over two tiny models, "chat" (with a template) and "plain" (without), and OpenAI's .NET clients for it.</summary>
public sealed class OpenAiServer : IAsyncLifetime, IAsyncDisposable
{
    private const string Template = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}{{ 'assistant: ' }}";

    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-clients-").FullName;
    private readonly ServerOptions _options;
    private readonly EngineOptions _engines;
    private readonly StringWriter _log = new();
    private readonly TextWriter _lockedLog;
    private WebApplication? _application;
    private string _url = "";

    /// <summary>One with the default limits, for all tests of a class.</summary>
    public OpenAiServer()
        : this(new ServerOptions(), new EngineOptions())
    {
    }

    private OpenAiServer(ServerOptions options, EngineOptions engines)
    {
        (_options, _engines) = (options, engines);
        _lockedLog = TextWriter.Synchronized(_log);
    }

    /// <summary>What answers for "chat".</summary>
    public ModelEngine Engine { get; private set; } = null!;

    /// <summary>What the server has logged.</summary>
    public string Log
    {
        get
        {
            lock (_lockedLog)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Starts one with other limits.</summary>
    public static async Task<OpenAiServer> StartAsync(ServerOptions? options = null, EngineOptions? engines = null)
    {
        OpenAiServer server = new(options ?? new ServerOptions(), engines ?? new EngineOptions());
        await server.InitializeAsync();
        return server;
    }

    /// <summary>A client for a model.</summary>
    /// <param name="model">Its name.</param>
    /// <param name="key">The API key; the client cannot do without.</param>
    /// <param name="retries">How often it tries again.</param>
    public ChatClient Chat(string model = "chat", string key = "none", int retries = 0) =>
        new(model, new ApiKeyCredential(key), ClientOptions(retries));

    /// <summary>A client for the list of models.</summary>
    public OpenAIModelClient Models() => new(new ApiKeyCredential("none"), ClientOptions(retries: 0));

    public async Task InitializeAsync()
    {
        Engine = EngineOf("chat", Template);
        ServedModels models = TestServer.Serve(("chat", Engine), ("plain", EngineOf("plain", template: null)));
        _application = CinnabarServer.Create(_options with { Port = 0 }, models, _lockedLog);
        _url = await CinnabarServer.StartAsync(_application);
    }

    public async Task DisposeAsync()
    {
        await CinnabarServer.StopAsync(_application!);
        await _application!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    async ValueTask IAsyncDisposable.DisposeAsync() => await DisposeAsync();

    private OpenAIClientOptions ClientOptions(int retries) => new()
    {
        Endpoint = new Uri($"{_url}/v1"),
        RetryPolicy = new ClientRetryPolicy(retries),
    };

    private ModelEngine EngineOf(string name, string? template)
    {
        string path = Path.Combine(_folder, name);
        TinyModelFolder.Write(path);
        if (template is not null)
        {
            File.WriteAllText(Path.Combine(path, "chat_template.jinja"), template);
        }

        return new ModelEngine(DiffusionModel.Load(path, KernelTable.Create(threads: 1)), _engines);
    }
}
