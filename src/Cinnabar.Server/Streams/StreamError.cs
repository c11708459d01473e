using System.Text.Json.Nodes;
using Cinnabar.Numerics;
using Cinnabar.Server.Hosting;
using Cinnabar.Serving;

namespace Cinnabar.Server.Streams;

/// <summary>What a stream says when it cannot go on.</summary>
internal static class StreamError
{
    /// <summary>The error in OpenAI's envelope; of what nobody foresaw no details.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="log">Gets what nobody foresaw; null: there is none.</param>
    public static JsonObject Of(Exception error, ServerLog? log = null) => (error switch
    {
        ApiException api => api,
        EngineBusyException busy => new ApiException(
            busy.IsStopped ? 503 : 429, busy.IsStopped ? "unavailable_error" : "overloaded_error", busy.Message),
        CinnabarException input => ApiException.Invalid(input.Message, param: null),
        DeviceException device => ServerState.Failed(device),
        _ => log?.Defect(error)
            ?? new ApiException(500, "server_error", "Expected to finish the text, found a fault of the server. Try again."),
    }).ToJson();
}
