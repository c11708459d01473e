using System.Text.Json.Nodes;
using Cinnabar.Serving;

namespace Cinnabar.Server.Streams;

/// <summary>What a stream says when it cannot go on.</summary>
internal static class StreamError
{
    /// <summary>The error in OpenAI's envelope; of what nobody foresaw no details.</summary>
    public static JsonObject Of(Exception error)
    {
        (string type, string message, string? param, string? code) = error switch
        {
            ApiException api => (api.Type, api.Message, api.Param, api.Code),
            EngineBusyException busy => (busy.IsStopped ? "unavailable_error" : "overloaded_error", busy.Message, null, null),
            CinnabarException input => ("invalid_request_error", input.Message, null, null),
            _ => ("server_error", "Expected to finish the text, found a fault of the server. Try again.", null, null),
        };
        return new JsonObject
        {
            ["error"] = new JsonObject { ["message"] = message, ["type"] = type, ["param"] = param, ["code"] = code },
        };
    }
}
