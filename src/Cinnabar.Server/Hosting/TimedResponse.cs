// A client that stops reading must not hold a connection, a canvas and a buffer for ever. Kestrel's MinResponseDataRate does not see to
// that: every small write earns it some seconds of grace, so a stream of small events never ends. Here every piece has a time limit of its
// own. A piece waits only once the socket's buffers and 64 KiB of Kestrel's are full.
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Hosting;

/// <summary>Writes answers within <see cref="ServerOptions.WriteTimeout"/>.</summary>
internal static class TimedResponse
{
    /// <summary>Sends a piece of the answer; if the client does not take it in time, its connection is closed.</summary>
    /// <param name="context">The request.</param>
    /// <param name="piece">Bytes of the body.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="OperationCanceledException">Cancelled, or the client did not read: its connection is closed.</exception>
    public static async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        ValueTask<FlushResult> write = context.Response.BodyWriter.WriteAsync(piece, cancellation);
        if (write.IsCompletedSuccessfully)
        {
            _ = write.Result;
            return;
        }

        ServerOptions options = context.RequestServices.GetRequiredService<ServerOptions>();
        TimeProvider time = context.RequestServices.GetRequiredService<TimeProvider>();
        try
        {
            await write.AsTask().WaitAsync(options.WriteTimeout, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            context.Abort();
            throw new OperationCanceledException("The client did not read its answer.", e);
        }
    }
}
