using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Cinnabar.Server.Hosting;

/// <summary>Records each request in the log and the metrics; the outermost of all.</summary>
/// <param name="next">What answers.</param>
/// <param name="log">The log.</param>
/// <param name="metrics">The metrics.</param>
/// <param name="time">The clock of durations.</param>
internal sealed class RequestRecords(RequestDelegate next, ServerLog log, ServerMetrics metrics, TimeProvider time)
{
    public async Task InvokeAsync(HttpContext context)
    {
        long start = time.GetTimestamp();
        string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        try
        {
            await next(context);
        }
        finally
        {
            TimeSpan elapsed = time.GetElapsedTime(start);
            // Paths are as many as clients make up, patterns of routes are few.
            string endpoint = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "unknown";
            log.Request(context.Request.Method, target, context.Response.StatusCode, elapsed, RequestWork.Of(context));
            metrics.Request(endpoint, context.Response.StatusCode, elapsed);
        }
    }
}
