using Cinnabar.Server.Hosting;
using Cinnabar.Server.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>
/// GET /health, without a key: 200 {"status":"ok"}, or 503 {"status":"stopping"}. Models are loaded before the server listens.
/// </summary>
internal static class HealthEndpoint
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        ServerState state = routes.ServiceProvider.GetRequiredService<ServerState>();
        routes.MapMethods("/health", [HttpMethods.Get, HttpMethods.Head], context => WholeAnswer.WriteJsonAsync(
            context,
            state.IsStopping ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK,
            json => json.WriteString("status", state.IsStopping ? "stopping" : "ok"))).WithMetadata(new OpenToAll());
    }
}
