using Cinnabar.Server.Hosting;
using Cinnabar.Server.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>
/// GET /health, without a key: 200 {"status":"ok"}; 503 {"status":"stopping"}, or {"status":"failed"} where a model's device can be used
/// again by a new process alone. Models are loaded before the server listens.
/// </summary>
internal static class HealthEndpoint
{
    private const string Ok = "ok";

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        ServerState state = routes.ServiceProvider.GetRequiredService<ServerState>();
        routes.MapMethods("/health", [HttpMethods.Get, HttpMethods.Head], context => WholeAnswer.WriteJsonAsync(
            context,
            StatusOf(state) == Ok ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable,
            json => json.WriteString("status", StatusOf(state)))).WithMetadata(new OpenToAll());
    }

    private static string StatusOf(ServerState state) => state.IsStopping ? "stopping" : state.IsLost ? "failed" : Ok;
}
