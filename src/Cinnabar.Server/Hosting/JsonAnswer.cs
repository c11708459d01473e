using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Hosting;

/// <summary>Answers with one JSON object.</summary>
internal static class JsonAnswer
{
    // Not for use inside of HTML, so that only what JSON asks for is escaped.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the whole answer.</summary>
    /// <param name="context">The request.</param>
    /// <param name="status">HTTP status.</param>
    /// <param name="writeMembers">Writes the members of the object.</param>
    public static Task WriteAsync(HttpContext context, int status, Action<Utf8JsonWriter> writeMembers)
    {
        ArrayBufferWriter<byte> body = new();
        using (Utf8JsonWriter json = new(body, s_options))
        {
            json.WriteStartObject();
            writeMembers(json);
            json.WriteEndObject();
        }

        return WholeAnswer.WriteAsync(context, status, "application/json; charset=utf-8", body.WrittenMemory);
    }
}
