using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Tests;

/// <summary>A server for all tests of a class, with the default limits; POST /read answers with the number of bytes it got.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    private TestServer? _server;

    internal TestServer Server => _server!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(map: (application, _) => MapRead(application));

    public async Task DisposeAsync() => await Server.DisposeAsync();

    internal static void MapRead(WebApplication application) => application.MapPost("/read", async context =>
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        await context.Response.WriteAsync($"{body.Length}");
    });
}
