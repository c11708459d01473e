using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cinnabar.Server.Api;

/// <summary>
/// GET and HEAD of /openapi.json: the document OpenApi/openapi.json. It is written by hand, as bodies are read field by field and have no
/// types that a generator could describe; tests compare it with the routes and with what is refused.
/// </summary>
internal static class OpenApiEndpoint
{
    public const string Resource = "openapi.json";

    public static void MapOpenApi(this IEndpointRouteBuilder routes)
    {
        byte[] document = PageFiles.ReadResource(typeof(OpenApiEndpoint).Assembly, Resource);
        routes.MapMethods("/openapi.json", [HttpMethods.Get, HttpMethods.Head], context => WholeAnswer.WriteAsync(
            context, StatusCodes.Status200OK, "application/json; charset=utf-8", document));
    }
}
