using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Hosting;

/// <summary>Answers with a body that is known as a whole.</summary>
internal static class WholeAnswer
{
    /// <summary>Writes status, headers and body.</summary>
    public static Task WriteAsync(HttpContext context, int status, string contentType, ReadOnlyMemory<byte> body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : TimedResponse.WriteAsync(context, body, context.RequestAborted);
    }
}
