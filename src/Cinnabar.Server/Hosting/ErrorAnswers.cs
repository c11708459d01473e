// Every error leaves the server as {"error": {"message", "type", "param", "code"}}, whoever found it: an endpoint (ApiException), the
// engine (busy, stopped), the library (CinnabarException: the request cannot be honoured), a device (out of memory, or lost), Kestrel (a body too large or too slow), routing
// (404, 405), or nobody (a defect: 500 with an id that the log also has, and no detail).
using System.Globalization;
using Cinnabar.Numerics;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Hosting;

/// <summary>Turns exceptions and bare statuses into error answers.</summary>
/// <param name="next">What answers.</param>
/// <param name="options">The limits that messages name.</param>
/// <param name="log">Where defects are written.</param>
internal sealed class ErrorAnswers(RequestDelegate next, ServerOptions options, ServerLog log)
{
    /// <summary>As nginx calls it; nobody is there to be told.</summary>
    private const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (context.Response.StatusCode >= 400 && !context.Response.HasStarted)
            {
                await AnswerAsync(context, Bare(context));
            }
        }
        catch (Exception error) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has left; endpoints stop with whatever exception their cancelled work ends with.
            if (!context.Response.HasStarted)
            {
                context.Response.StatusCode = ClientClosedRequest;
            }

            LogIfDefect(error);
        }
        catch (Exception error) when (context.Response.HasStarted)
        {
            // Too late for a status; an answer that just ends would look complete.
            LogIfDefect(error);
            context.Abort();
        }
        catch (Exception error)
        {
            await AnswerAsync(context, Known(error) ?? log.Defect(error));
        }
    }

    private static Task AnswerAsync(HttpContext context, ApiException error)
    {
        if (error.RetryAfter is int seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        return WholeAnswer.WriteJsonAsync(context, error.ToJson(), error.Status);
    }

    private ApiException? Known(Exception error) => error switch
    {
        ApiException known => known,
        EngineBusyException { IsStopped: true } => ServerState.Stopping(),
        EngineBusyException => new ApiException(429, "overloaded_error", error.Message) { RetryAfter = 1 },
        CinnabarException => ApiException.Invalid(error.Message, param: null),
        DeviceException device => ServerState.Failed(device),
        BadHttpRequestException bad => new ApiException(bad.StatusCode, "invalid_request_error", MessageFor(bad)),
        OperationCanceledException => ServerState.Stopping(),
        _ => null,
    };

    private string MessageFor(BadHttpRequestException bad) => bad.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge =>
            $"Expected a body of at most {options.MaxBodyBytes} bytes, found a larger one. Send less text.",
        StatusCodes.Status408RequestTimeout =>
            $"Expected the body within {options.BodyTimeout.TotalSeconds:F0} s, or then at 240 bytes a second, found it slower. "
            + "Send it again.",
        _ => $"Expected a request after the rules of HTTP, found another: {bad.Message}",
    };

    private void LogIfDefect(Exception error)
    {
        if (Known(error) is null && error is not IOException)
        {
            log.Defect(error);
        }
    }

    private static ApiException Bare(HttpContext context)
    {
        (int status, string place) = (context.Response.StatusCode, $"{context.Request.Method} {context.Request.Path}");
        return status switch
        {
            StatusCodes.Status404NotFound => new ApiException(
                status,
                "invalid_request_error",
                $"Expected a URL of this server, found {place}. GET /openapi.json lists them.",
                code: "unknown_url"),
            StatusCodes.Status405MethodNotAllowed => new ApiException(
                status,
                "invalid_request_error",
                $"Expected the method {context.Response.Headers.Allow} for {context.Request.Path}, found {context.Request.Method}.",
                code: "method_not_allowed"),
            _ => new ApiException(status, status >= 500 ? "server_error" : "invalid_request_error", $"{place} ended with status {status}."),
        };
    }
}
