using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Hosting;

/// <summary>Answers with a body that is known as a whole.</summary>
internal static class WholeAnswer
{
    private const string Json = "application/json; charset=utf-8";

    // Not for use inside of HTML, so that only what JSON asks for is escaped.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a value: UTF-8, one line, letters of all scripts as they are.</summary>
    public static void Write(JsonNode value, IBufferWriter<byte> output)
    {
        using Utf8JsonWriter json = new(output, s_options);
        value.WriteTo(json);
    }

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

    /// <summary>Writes one JSON object.</summary>
    /// <param name="context">The request.</param>
    /// <param name="status">HTTP status.</param>
    /// <param name="writeMembers">Writes the members of the object.</param>
    public static Task WriteJsonAsync(HttpContext context, int status, Action<Utf8JsonWriter> writeMembers)
    {
        ArrayBufferWriter<byte> body = new();
        using (Utf8JsonWriter json = new(body, s_options))
        {
            json.WriteStartObject();
            writeMembers(json);
            json.WriteEndObject();
        }

        return WriteAsync(context, status, Json, body.WrittenMemory);
    }

    /// <summary>Writes one JSON value.</summary>
    public static Task WriteJsonAsync(HttpContext context, JsonNode value, int status = StatusCodes.Status200OK)
    {
        ArrayBufferWriter<byte> body = new();
        Write(value, body);
        return WriteAsync(context, status, Json, body.WrittenMemory);
    }
}
