// Calls of tools and their results as ordinary text, for templates that know neither. A result brings the id of its call (tool_call_id),
// not the name of the function: that is looked up among the calls before it.
using System.Text.Json;
using Cinnabar.Chat.Jinja;

namespace Cinnabar.Chat;

/// <summary>Rewrites conversations in which tools were called.</summary>
internal static class CallsAsText
{
    /// <summary>The same conversation without calls and results.</summary>
    public static ChatMessage[] Of(IReadOnlyList<ChatMessage> messages)
    {
        Dictionary<string, string> called = new(StringComparer.Ordinal); // functions by the ids of their calls
        List<ChatMessage> plain = [];
        foreach (ChatMessage message in messages)
        {
            Note(message.ToolCalls, called);
            plain.Add(message switch
            {
                { ToolCalls: JsonElement calls } => message with { Content = WithCalls(message.Content, calls), ToolCalls = null },
                { Role: "tool" } => new ChatMessage("user", $"Result of {FunctionOf(message, called)}: {message.Content}"),
                _ => message,
            });
        }

        return [.. plain];
    }

    private static void Note(JsonElement? calls, Dictionary<string, string> called)
    {
        if (calls is not { ValueKind: JsonValueKind.Array } list)
        {
            return;
        }

        foreach (JsonElement call in list.EnumerateArray())
        {
            if (TextIn(Member(call, "id")) is string id && TextIn(Member(Member(call, "function"), "name")) is string name)
            {
                called[id] = name;
            }
        }
    }

    private static string FunctionOf(ChatMessage result, Dictionary<string, string> called)
    {
        string? id = TextIn(result.OtherFields.GetValueOrDefault("tool_call_id"));
        return result.Name ?? (id is null ? null : called.GetValueOrDefault(id)) ?? "the function";
    }

    private static JsonElement Member(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out JsonElement value) ? value : default;

    private static string? TextIn(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string? WithCalls(string? content, JsonElement calls)
    {
        string text = calls.ValueKind == JsonValueKind.Array ? string.Join('\n', calls.EnumerateArray().Select(TextOf)) : TextOf(calls);
        return text.Length == 0 ? content : string.IsNullOrEmpty(content) ? text : $"{content}\n{text}";
    }

    // As the model would have written them.
    private static string TextOf(JsonElement call)
    {
        JsonElement function = Member(call, "function");
        return PythonJson.TextOf(function.ValueKind == JsonValueKind.Undefined ? call : function, "tool_calls");
    }
}
