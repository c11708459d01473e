using System.Text.Json;
using Cinnabar.Chat.Jinja;

namespace Cinnabar.Chat;

/// <summary>One message of a conversation, as chat templates and the OpenAI API have it.</summary>
/// <param name="Role">Who speaks: "system", "user", "assistant" or "tool"; a template may know others.</param>
/// <param name="Content">The text; null if the message has none, as an assistant's that only calls tools.</param>
public sealed record ChatMessage(string Role, string? Content)
{
    /// <summary>Name of the speaker or of the tool that answers; null if there is none.</summary>
    public string? Name { get; init; }

    /// <summary>What the assistant thought before it answered, without marks around it; null if there is nothing.</summary>
    public string? ReasoningContent { get; init; }

    /// <summary>The calls of tools: a list of {"type": "function", "function": {"name", "arguments"}}; null if there are none.</summary>
    public JsonElement? ToolCalls { get; init; }

    /// <summary>What else a template may read from a message (tool_call_id, content in parts …), by key; none by default.</summary>
    public IReadOnlyDictionary<string, JsonElement> OtherFields { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Reads a message from a JSON object with role, and content and the other keys as they come.</summary>
    /// <param name="element">The object.</param>
    /// <param name="where">Where it is from, for messages: "messages[2]".</param>
    /// <exception cref="CinnabarException">It is no object, or a value is of the wrong kind.</exception>
    public static ChatMessage FromJson(JsonElement element, string where)
    {
        JinjaDict fields = PythonJson.FromJson(element, where) as JinjaDict
            ?? throw Wrong(where, "an object with a role", element.ValueKind.ToString().ToLowerInvariant());
        string role = OptionalText("role") ?? throw Wrong($"{where}.role", "a text", "none");
        Dictionary<string, JsonElement> others = new(StringComparer.Ordinal);
        foreach (JsonProperty property in element.EnumerateObject())
        {
            bool isKnown = property.Name is "role" or "name" or "reasoning_content" or "tool_calls"
                || (property.Name == "content" && property.Value.ValueKind == JsonValueKind.String);
            if (!isKnown || property.Value.ValueKind == JsonValueKind.Null)
            {
                others[property.Name] = property.Value.Clone(); // None is not the same as absent to a template
            }
        }

        return new ChatMessage(role, fields.GetValueOrDefault("content") as string)
        {
            Name = OptionalText("name"),
            ReasoningContent = OptionalText("reasoning_content"),
            ToolCalls = fields.GetValueOrDefault("tool_calls") is null ? null : element.GetProperty("tool_calls").Clone(),
            OtherFields = others,
        };

        string? OptionalText(string key) => fields.GetValueOrDefault(key) switch
        {
            null => null,
            string text => text,
            object value => throw Wrong($"{where}.{key}", "a text", JinjaValue.Describe(value)),
        };
    }

    /// <summary>The message as a template sees it: keys without a value are absent, but beside calls the content is None then.</summary>
    /// <param name="where">Where it is from, for messages.</param>
    internal JinjaDict ToValue(string where)
    {
        JinjaDict value = new() { ["role"] = Role };
        if (ToolCalls is not null)
        {
            value["content"] = Content; // null, as the API has it: templates ask whether it is None, which undefined is not
        }

        (string Key, object? Value)[] optional =
        [
            ("content", Content),
            ("name", Name),
            ("reasoning_content", ReasoningContent),
            ("tool_calls", ToolCalls is JsonElement calls ? PythonJson.FromJson(calls, $"{where}.tool_calls") : null),
        ];
        foreach ((string key, object? field) in optional)
        {
            if (field is not null)
            {
                value[key] = field;
            }
        }

        foreach ((string key, JsonElement field) in OtherFields)
        {
            value[key] = PythonJson.FromJson(field, $"{where}.{key}");
        }

        return value;
    }

    private static CinnabarException Wrong(string where, string expected, string found) =>
        new($"{where}: expected {expected}, found {found}.", "Correct the message.");
}
