// The messages of OpenAI's chat completions. Their text goes to the model's template, where special tokens spelled in it stay text. The
// names that go along with it are words without such characters, so that they cannot spell one.
using System.Text.RegularExpressions;
using Cinnabar.Chat;

namespace Cinnabar.Server.Api;

/// <summary>Reads the messages of a conversation.</summary>
internal static partial class ChatMessages
{
    private const int MostMessages = 1024;
    private const string NoTools = "Models here call no tools: send the text alone.";

    /// <summary>Reads the field "messages".</summary>
    /// <exception cref="ApiException">400: a message is wrong, or holds more than text.</exception>
    public static IReadOnlyList<ChatMessage> Read(JsonFields fields) =>
        [.. fields.Require("messages").Items(1, MostMessages).Select(item => ReadMessage(item.Object()))];

    /// <summary>Reads the one message that edits and applications of edits are asked with.</summary>
    /// <exception cref="ApiException">400: there is another number of messages, or it is not the user's.</exception>
    public static ChatMessage ReadSingle(JsonFields fields)
    {
        JsonFields message = fields.Require("messages").Items(1, 1)[0].Object();
        message.Require("role").Word("user");
        return ReadMessage(message);
    }

    private static ChatMessage ReadMessage(JsonFields fields)
    {
        string role = fields.Require("role").Word("system", "developer", "user", "assistant", "tool");
        string? name = WordOf(fields.Get("name"));
        WordOf(fields.Get("tool_call_id"));
        fields.Refuse("tool_calls", NoTools);
        fields.Refuse("function_call", NoTools);
        fields.Refuse("audio", "Models here read text: send what is said.");
        fields.Refuse("refusal", "Send it as content.");

        // Templates know the older name of the same role.
        return new ChatMessage(role == "developer" ? "system" : role, ContentOf(fields.Require("content"))) { Name = name };
    }

    private static string ContentOf(JsonField content) =>
        content.IsList ? string.Concat(content.Items(1, MostMessages).Select(part => PartOf(part.Object()))) : content.Text();

    private static string PartOf(JsonFields part)
    {
        part.Require("type").Word("text"); // images, sound and files have other types
        return part.Require("text").Text();
    }

    private static string? WordOf(JsonField? field) => field is null ? null
        : PlainWord().IsMatch(field.Text()) ? field.Text()
        : throw field.Wrong("1 … 64 letters, digits, _ or -");

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex PlainWord();
}
