// The server as a pipeline, outermost first:
//
//   RequestRecords ─▶ ErrorAnswers ─▶ routing ─▶ RequestOrigin ─▶ KeyGate ─▶ RequestGate ─▶ endpoints
//   log, metrics      the envelope              Host, Origin     API key    stopping, JSON
//
// Kestrel is set up by ServerOptions alone: no appsettings, no environment variables, HTTP/1.1 only (TLS is a proxy's work).
using System.Net;
using System.Net.Sockets;
using Cinnabar.Server.Api;
using Cinnabar.Server.Hosting;
using Cinnabar.Server.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cinnabar.Server;

/// <summary>Serves models over HTTP.</summary>
/// <example>
/// <code>
/// ModelEngine engine = new(DiffusionModel.Load("csharp-12m"));
/// await using WebApplication server = CinnabarServer.Create(new ServerOptions(), new ServedModels([new("csharp-12m", engine, 0)]));
/// await CinnabarServer.StartAsync(server);
/// </code>
/// </example>
public static class CinnabarServer
{
    /// <summary>A server that is not started yet.</summary>
    /// <param name="options">Address, keys and limits.</param>
    /// <param name="models">What it serves; stopping the server stops their engines.</param>
    /// <param name="log">Where it writes a line for each request; null: nowhere.</param>
    /// <param name="time">The clock; null: the system's.</param>
    /// <exception cref="CinnabarException">An option is out of range, or anybody could use the server from elsewhere.</exception>
    public static WebApplication Create(ServerOptions options, ServedModels models, TextWriter? log = null, TimeProvider? time = null)
    {
        options.Validate();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions
        {
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = Environments.Production,
        });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => SetUp(kestrel, options));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(models);
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSingleton(services => new ServerLog(
            log ?? TextWriter.Null, options, services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<ServerMetrics>();
        builder.Services.AddSingleton(services => new PrometheusText(services.GetRequiredService<ServerMetrics>().Meter));
        builder.Services.AddSingleton<ServerState>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ServerState>());
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.StopWithin + ServerState.ConnectionsCloseWithin);
        WebApplication server = builder.Build();
        Arrange(server, options);
        return server;
    }

    /// <summary>Listens.</summary>
    /// <param name="server">One of <see cref="Create"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Address under which it is reached, such as http://127.0.0.1:5317.</returns>
    /// <exception cref="CinnabarException">The port is in use, or not for this user, or the address is none of this machine.</exception>
    public static async Task<string> StartAsync(WebApplication server, CancellationToken cancellation = default)
    {
        ServerOptions options = server.Services.GetRequiredService<ServerOptions>();
        string place = $"{options.Address}, port {options.Port}";
        try
        {
            await server.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new CinnabarException(
                $"Expected a free port ({place}), found that another program listens there.",
                "Stop that program, or choose another port with --port.",
                e);
        }
        catch (Exception e) when (e is SocketException or { InnerException: SocketException })
        {
            throw new CinnabarException(
                $"Expected an address of this machine and a port for this user ({place}), found: {(e.InnerException ?? e).Message}.",
                "Choose others with --host and --port.",
                e);
        }

        return server.Urls.First();
    }

    /// <summary>
    /// Stops: at once no new work, what is in work has <see cref="ServerOptions.StopWithin"/>, connections three seconds more.
    /// </summary>
    public static async Task StopAsync(WebApplication server)
    {
        try
        {
            await server.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The time is over: Kestrel has closed what did not close by itself.
        }
    }

    private static void SetUp(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        kestrel.Limits.RequestHeadersTimeout = options.HeadersTimeout;
        kestrel.Limits.KeepAliveTimeout = options.KeepAliveTimeout;
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, options.BodyTimeout);
        kestrel.Listen(new IPEndPoint(options.Address, options.Port), listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static void Arrange(WebApplication server, ServerOptions options)
    {
        server.UseMiddleware<RequestRecords>();
        server.Use((context, next) =>
        {
            SecurityHeaders.Set(context.Response.Headers);
            return next(context);
        });
        server.UseMiddleware<ErrorAnswers>();
        server.UseRouting();
        RequestOrigin origin = new(options.Address);
        server.Use((context, next) =>
        {
            string? sent = context.Request.Headers.Origin.Count > 0 ? context.Request.Headers.Origin.ToString() : null;
            origin.Require(context.Request.Host.Value ?? "", sent, context.Connection.LocalPort);
            return next(context);
        });
        server.UseMiddleware<KeyGate>();
        server.UseMiddleware<RequestGate>();
        server.MapPage();
        server.MapHealth();
        server.MapMetrics();
        server.MapOpenApi();
        server.MapModels();
        server.MapGeneration();
    }

    // Who starts the server decides what stops it.
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
