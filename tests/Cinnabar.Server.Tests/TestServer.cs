using System.Net.Sockets;
using System.Text;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests;
using Microsoft.AspNetCore.Builder;

namespace Cinnabar.Server.Tests;

/// <summary>A server over the model of <see cref="TinyModelFolder"/> with a bias of lengths, on a free port of loopback.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private static readonly Lazy<string> s_model = new(WriteModel);

    private readonly StringWriter _log;
    private readonly TextWriter _lockedLog;

    private TestServer(WebApplication application, ModelEngine engine, string url, StringWriter log, TextWriter lockedLog)
    {
        (Application, Engine, Url, _log, _lockedLog) = (application, engine, url, log, lockedLog);
        Client = new HttpClient { BaseAddress = new Uri(url) };
    }

    public WebApplication Application { get; }

    public ModelEngine Engine { get; }

    public string Url { get; }

    public int Port => new Uri(Url).Port;

    public HttpClient Client { get; }

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

    public static ModelEngine NewEngine(EngineOptions? options = null) =>
        new(DiffusionModel.Load(s_model.Value, KernelTable.Create(threads: 1)), options);

    public static ServedModels Serve(params (string Id, ModelEngine Engine)[] models) =>
        new([.. models.Select(model => new ServedModel(model.Id, model.Engine, 1_700_000_000))]);

    /// <summary>Starts one.</summary>
    /// <param name="options">Port 0 is added; null: the defaults.</param>
    /// <param name="map">Adds endpoints for the test; null: none.</param>
    /// <param name="time">The clock; null: the system's.</param>
    /// <param name="engines">How many texts the engine takes; null: the defaults.</param>
    public static async Task<TestServer> StartAsync(
        ServerOptions? options = null,
        Action<WebApplication, ModelEngine>? map = null,
        TimeProvider? time = null,
        EngineOptions? engines = null)
    {
        ModelEngine engine = NewEngine(engines);
        StringWriter log = new();
        TextWriter lockedLog = TextWriter.Synchronized(log);
        WebApplication application = CinnabarServer.Create(
            (options ?? new ServerOptions()) with { Port = 0 }, Serve(("tiny", engine)), lockedLog, time);
        map?.Invoke(application, engine);
        return new TestServer(application, engine, await CinnabarServer.StartAsync(application), log, lockedLog);
    }

    /// <summary>A request with a JSON body.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, string json = "{}") =>
        Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>A connection for bytes that no client would send.</summary>
    public async Task<TcpClient> ConnectAsync()
    {
        TcpClient connection = new();
        await connection.ConnectAsync("127.0.0.1", Port);
        return connection;
    }

    /// <summary>Sends bytes, each char one; the first line of what comes back, "closed" if nothing does.</summary>
    public async Task<string> StatusLineOfAsync(string request)
    {
        using TcpClient connection = await ConnectAsync();
        NetworkStream stream = connection.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        return await ReadStatusLineAsync(stream);
    }

    /// <summary>The first line of an answer, "closed" if the connection ends before.</summary>
    public static async Task<string> ReadStatusLineAsync(Stream stream)
    {
        try
        {
            using StreamReader reader = new(stream, Encoding.Latin1, leaveOpen: true);
            return await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)) ?? "closed";
        }
        catch (IOException)
        {
            return "closed";
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await CinnabarServer.StopAsync(Application);
        await Application.DisposeAsync();
    }

    private static string WriteModel()
    {
        string folder = Directory.CreateTempSubdirectory("cinnabar-server-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string path = Path.Combine(folder, "tiny");
        TinyModelFolder.Write(path);
        File.WriteAllText(
            Path.Combine(path, LengthBias.FileName), $"{{\"bias\": [{string.Join(", ", Enumerable.Repeat("0.5", 16))}]}}");
        return path;
    }
}
