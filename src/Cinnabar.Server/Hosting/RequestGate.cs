using Cinnabar.Server.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Cinnabar.Server.Hosting;

/// <summary>Refuses work while the server stops, and bodies that are not JSON.</summary>
/// <param name="next">The endpoints.</param>
/// <param name="state">Whether the server stops.</param>
internal sealed class RequestGate(RequestDelegate next, ServerState state)
{
    public Task InvokeAsync(HttpContext context)
    {
        Endpoint? endpoint = context.GetEndpoint();
        if (state.IsStopping && endpoint?.Metadata.GetMetadata<OpenToAll>() is null)
        {
            throw ServerState.Stopping();
        }

        if (endpoint is RouteEndpoint && HttpMethods.IsPost(context.Request.Method))
        {
            RequireJson(context.Request);
        }

        return next(context);
    }

    // A page of another origin can post plain text and forms without being asked, but no JSON.
    private static void RequireJson(HttpRequest request)
    {
        bool isJson = MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
            && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            && HeaderUtilities.RemoveQuotes(type.Charset) is { } charset
            && (charset.Length == 0 || charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));
        if (!isJson || request.Headers.ContentEncoding.Count > 0)
        {
            throw new ApiException(
                415,
                "invalid_request_error",
                "Expected a body of the type application/json in UTF-8, not compressed, found another. Send the header "
                + "'Content-Type: application/json'.",
                code: "unsupported_media_type");
        }
    }
}
