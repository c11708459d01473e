// What the header of a safetensors file and the index of a sharded checkpoint have in common: JSON from a stranger. UTF-8 is checked
// before it is parsed, since the parser lets bytes that are none through inside texts.
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Cinnabar.Checkpoints;

/// <summary>Checks and words for JSON that is read token by token.</summary>
internal static class SafetensorsJson
{
    /// <summary>Requires UTF-8 without a byte order mark.</summary>
    /// <param name="where">File and part, for messages.</param>
    /// <param name="json">The text.</param>
    /// <param name="start">Offset of the text in its file.</param>
    /// <exception cref="CinnabarException">It is something else.</exception>
    public static void RequireUtf8(string where, ReadOnlySpan<byte> json, int start)
    {
        if (json.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            throw new CinnabarException(
                $"{where}, offset {start}: expected '{{', found a byte order mark.", SafetensorsHeader.FetchAgain);
        }

        if (!Utf8.IsValid(json))
        {
            throw new CinnabarException(
                $"{where}, offset {start + FirstInvalid(json)}: expected UTF-8 text, found an invalid byte sequence.",
                SafetensorsHeader.FetchAgain);
        }
    }

    /// <summary>The kind of a token, for messages.</summary>
    public static string Describe(JsonTokenType type) => type switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.EndArray => "the end of a list",
        JsonTokenType.String => "a text",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        _ => "null",
    };

    /// <summary>A message of the parser, which quotes bytes of the file, without control characters.</summary>
    public static string Plain(JsonException e) => string.Concat(e.Message.Select(c => char.IsControl(c) ? '?' : c));

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out int length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
