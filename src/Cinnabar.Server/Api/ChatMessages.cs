// The messages of OpenAI's chat completions. Their text goes to the model's template, where special tokens spelled in it stay text. The
// names that go along with it are words without such characters, so that they cannot spell one.
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cinnabar.Chat;

namespace Cinnabar.Server.Api;

/// <summary>Reads the messages of a conversation.</summary>
internal static partial class ChatMessages
{
    private const int MostMessages = 1024;
    private const int MostCalls = 128;
    private const int LongestId = 256;
    private const int DeepestArguments = ServerOptions.MaxJsonDepth - 8; // calls stand some levels deep in a message

    /// <summary>Reads the field "messages".</summary>
    /// <exception cref="ApiException">400: a message is wrong, or holds more than text.</exception>
    public static IReadOnlyList<ChatMessage> Read(JsonFields fields)
    {
        HashSet<string> called = [];
        return [.. fields.Require("messages").Items(1, MostMessages).Select(item => ReadMessage(item.Object(), called))];
    }

    /// <summary>Reads the one message that edits and applications of edits are asked with.</summary>
    /// <exception cref="ApiException">400: there is another number of messages, or it is not the user's.</exception>
    public static ChatMessage ReadSingle(JsonFields fields)
    {
        JsonFields message = fields.Require("messages").Items(1, 1)[0].Object();
        message.Require("role").Word("user");
        return ReadMessage(message, called: []);
    }

    // called: ids of the calls so far, to which those of this message are added.
    private static ChatMessage ReadMessage(JsonFields fields, HashSet<string> called)
    {
        string role = fields.Require("role").Word("system", "developer", "user", "assistant", "tool");
        string? name = WordOf(fields.Get("name"));
        Dictionary<string, JsonElement> others = CallOfResult(fields, role, called);
        JsonElement? calls = null;
        if (role == "assistant")
        {
            calls = CallsOf(fields.Get("tool_calls"), called);
        }
        else
        {
            fields.Refuse("tool_calls", "Calls are the assistant's.");
        }

        fields.Refuse("function_call", "Send tool_calls, which have taken its place.");
        fields.Refuse("audio", "Models here read text: send what is said.");
        fields.Refuse("annotations", "Models here read text: send what they cite as content.");
        fields.Refuse("refusal", "Send it as content.");

        // Templates know the older name of the same role.
        string? content = calls is null || fields.Get("content") is not null ? ContentOf(fields.Require("content")) : null;
        return new ChatMessage(role == "developer" ? "system" : role, content) { Name = name, ToolCalls = calls, OtherFields = others };
    }

    // The result of a tool belongs to a call of the assistant's, by whose id templates find the name of the function.
    private static Dictionary<string, JsonElement> CallOfResult(JsonFields fields, string role, HashSet<string> called)
    {
        if (role != "tool")
        {
            fields.Refuse("tool_call_id", "Only the result of a tool belongs to a call.");
            return [];
        }

        JsonField id = fields.Require("tool_call_id");
        return called.Contains(id.Text(LongestId))
            ? new Dictionary<string, JsonElement> { ["tool_call_id"] = JsonElement.Parse(id.Json()) }
            : throw id.Wrong(
                "the id of a call in an earlier message of the assistant",
                remedy: "Send the message with the call before its result, with the same id.");
    }

    // Templates want arguments as an object, the API has them as text of one.
    private static JsonElement? CallsOf(JsonField? field, HashSet<string> called) => field is null ? null
        : JsonElement.Parse(new JsonArray([.. field.Items(1, MostCalls).Select(item => CallOf(item.Object(), called))]).ToJsonString());

    private static JsonObject CallOf(JsonFields call, HashSet<string> called)
    {
        string? id = call.Get("id")?.Text(LongestId);
        if (id is not null)
        {
            called.Add(id);
        }

        call.Get("type")?.Word("function");
        JsonFields function = call.Require("function").Object();
        JsonField arguments = function.Require("arguments");
        JsonObject written = new() { ["name"] = WordOf(function.Require("name")), ["arguments"] = ArgumentsOf(arguments) };
        return new JsonObject { ["id"] = id, ["type"] = "function", ["function"] = written };
    }

    // Strictly read, like the body: an object that models get must not fail only when it is rendered. Some clients write a call without
    // arguments as an empty text.
    private static JsonNode ArgumentsOf(JsonField arguments)
    {
        if (string.IsNullOrWhiteSpace(arguments.Text()))
        {
            return new JsonObject();
        }

        byte[] text = Encoding.UTF8.GetBytes(arguments.Text());
        try
        {
            JsonBody.Parse(text);
            return JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { MaxDepth = DeepestArguments })!;
        }
        catch (Exception error) when (error is ApiException or JsonException)
        {
            throw arguments.Wrong($"text of a strict JSON object of at most {DeepestArguments} levels");
        }
    }

    // Parts are texts of their own, such as files, which would run into each other without a line break.
    private static string ContentOf(JsonField content) =>
        content.IsList ? string.Join('\n', content.Items(1, MostMessages).Select(part => PartOf(part.Object()))) : content.Text();

    private static string PartOf(JsonFields part)
    {
        part.Require("type").Word("text"); // images, sound and files have other types
        return part.Require("text").Text();
    }

    /// <summary>A name of letters, digits, _ and -; null: there is none.</summary>
    /// <exception cref="ApiException">400: it is something else.</exception>
    [return: NotNullIfNotNull(nameof(field))]
    public static string? WordOf(JsonField? field) => field is null ? null
        : PlainWord().IsMatch(field.Text()) ? field.Text()
        : throw field.Wrong("1 … 64 letters, digits, _ or -");

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex PlainWord();
}
