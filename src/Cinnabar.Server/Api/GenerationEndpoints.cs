using Microsoft.AspNetCore.Routing;

namespace Cinnabar.Server.Api;

/// <summary>The endpoints that write text.</summary>
internal static class GenerationEndpoints
{
    public static void MapGeneration(this IEndpointRouteBuilder routes) => _ = routes;
}
