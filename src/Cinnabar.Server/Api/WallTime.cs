using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>The time a request may take, and the end of it when nobody waits any more.</summary>
internal static class WallTime
{
    /// <summary>The limits of this server.</summary>
    public static ServerOptions LimitsOf(HttpContext http) => http.RequestServices.GetRequiredService<ServerOptions>();

    /// <summary>Works on a request as long as somebody waits and there is time.</summary>
    /// <param name="http">The request.</param>
    /// <param name="work">Ends with <see cref="OperationCanceledException"/> when it is given up.</param>
    /// <exception cref="ApiException">504: the time is over; 503: the engine was stopped.</exception>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public static async Task<T> LimitAsync<T>(HttpContext http, Func<CancellationToken, Task<T>> work)
    {
        TimeSpan most = LimitsOf(http).WallTime;
        using CancellationTokenSource wall = new(most);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(wall.Token, http.RequestAborted);
        try
        {
            return await work(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw wall.IsCancellationRequested
                ? new ApiException(
                    504,
                    "timeout_error",
                    $"Expected an answer within {most.TotalSeconds} s, found none. Ask for fewer tokens or steps, or set deadline_ms for "
                    + "the best text by then.")
                : new ApiException(503, "unavailable_error", "Expected to finish the request, found that the server is being stopped.");
        }
    }
}
