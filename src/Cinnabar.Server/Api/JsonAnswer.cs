using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Answers in JSON: UTF-8, one line, letters of all scripts as they are.</summary>
internal static class JsonAnswer
{
    // Answers are never part of a page, so < and > need no escaping; control characters are escaped all the same.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a value.</summary>
    public static void Write(JsonNode value, IBufferWriter<byte> output)
    {
        using Utf8JsonWriter writer = new(output, s_options);
        value.WriteTo(writer);
    }

    /// <summary>Answers a request with a value and status 200; nothing if nobody waits any more.</summary>
    public static async Task WriteAsync(HttpContext http, JsonNode value)
    {
        ArrayBufferWriter<byte> bytes = new();
        Write(value, bytes);
        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = bytes.WrittenCount;
        await TimedResponse.WriteAsync(http, bytes.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
    }
}
