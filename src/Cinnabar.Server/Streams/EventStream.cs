// Server-sent events as OpenAI's clients read them:
//
//   data: {json}⏎⏎   …   data: [DONE]⏎⏎          : ping⏎⏎  where nothing was sent for a while
//
// The response begins with its first event, so that what goes wrong before is still answered with a status of its own.
using System.Buffers;
using System.Text.Json.Nodes;
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Streams;

/// <summary>Sends events to one client; thread-safe.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpContext _http;
    private readonly ServerOptions _options;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _ends = new();
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Task _pings;
    private long _lastSent;

    /// <summary>Gets ready; nothing is sent yet.</summary>
    public EventStream(HttpContext http, ServerOptions options)
    {
        (_http, _options) = (http, options);
        _lastSent = TimeProvider.System.GetTimestamp();
        _pings = PingAsync();
    }

    /// <summary>Whether the status has been sent.</summary>
    public bool HasBegun => _http.Response.HasStarted;

    /// <summary>Sends an event.</summary>
    /// <exception cref="OperationCanceledException">The client has gone, or takes nothing.</exception>
    public Task SendAsync(JsonObject data) => SendAsync(output =>
    {
        output.Write("data: "u8);
        WholeAnswer.Write(data, output);
        output.Write("\n\n"u8);
    });

    /// <summary>Sends the event that nothing comes after.</summary>
    /// <exception cref="OperationCanceledException">The client has gone, or takes nothing.</exception>
    public Task SendDoneAsync() => SendAsync(output => output.Write("data: [DONE]\n\n"u8));

    /// <summary>Ends the pings.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ends.CancelAsync().ConfigureAwait(false);
        await _pings.ConfigureAwait(false);
        _ends.Dispose();
        _turn.Dispose();
    }

    private async Task SendAsync(Action<IBufferWriter<byte>> write)
    {
        await _turn.WaitAsync(_http.RequestAborted).ConfigureAwait(false);
        try
        {
            if (!HasBegun)
            {
                _http.Response.ContentType = "text/event-stream; charset=utf-8";
                _http.Response.Headers.CacheControl = "no-cache";
                _http.Response.Headers["X-Accel-Buffering"] = "no"; // proxies of nginx's kind hold streams back else
            }

            _bytes.ResetWrittenCount();
            write(_bytes);
            await TimedResponse.WriteAsync(_http, _bytes.WrittenMemory, _http.RequestAborted).ConfigureAwait(false);
            _lastSent = TimeProvider.System.GetTimestamp();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task PingAsync()
    {
        try
        {
            while (true)
            {
                TimeSpan left = _options.PingInterval - TimeProvider.System.GetElapsedTime(_lastSent);
                if (left > TimeSpan.Zero)
                {
                    await Task.Delay(left, _ends.Token).ConfigureAwait(false);
                }
                else
                {
                    await SendAsync(output => output.Write(": ping\n\n"u8)).ConfigureAwait(false);
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            // The stream has ended, or its client has gone, which the next event finds out.
        }
    }
}
