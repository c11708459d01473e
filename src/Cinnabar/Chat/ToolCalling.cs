// How a model is told of tools, and how it calls one:
//
//   a template that spells <tool_call>   gets the tools as its variable; a call is <tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>
//                                        (Hermes, Qwen and what descends from it)
//   any other                            a system message describes the tools; a call is the JSON object alone
//
// A call that must come is certain to be well formed: the answer begins inside of it, and its text is constrained to the JSON that the
// tool's schema allows. Where the model may choose, its answer is read: what parses as a call of a known tool is one, all else is text.
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Chat.Jinja;

namespace Cinnabar.Chat;

/// <summary>The tools of a conversation, as one template has them.</summary>
public sealed class ToolCalling
{
    private const string Opening = "<tool_call>";
    private const string Closing = "</tool_call>";

    // Keywords that say of a schema's root what it is.
    private static readonly string[] s_shaping = ["type", "$ref", "anyOf", "oneOf", "allOf", "const", "enum"];

    private readonly bool _usesTags;
    private readonly bool _allowsSeveral;
    private readonly string? _required; // the tool that must be called
    private readonly bool _mustCall;

    /// <summary>Offers tools.</summary>
    /// <param name="tools">At least one; names differ.</param>
    /// <param name="template">The template of the model.</param>
    /// <param name="mustCall">Whether the answer must be a call.</param>
    /// <param name="required">Of which tool; null: of any.</param>
    /// <param name="allowsSeveral">Whether an answer may hold several calls; false: those behind the first are dropped.</param>
    /// <exception cref="CinnabarException">Two tools have one name, or there is none of the required name.</exception>
    public ToolCalling(
        IReadOnlyList<ChatTool> tools,
        ChatTemplateFile template,
        bool mustCall = false,
        string? required = null,
        bool allowsSeveral = true)
    {
        if (tools.Count == 0 || tools.DistinctBy(tool => tool.Name).Count() != tools.Count)
        {
            throw new CinnabarException(
                $"Expected tools of different names, found {tools.Count}: {string.Join(", ", tools.Take(8).Select(tool => tool.Name))}.",
                "Name each tool once.");
        }

        if (required is not null && tools.All(tool => tool.Name != required))
        {
            throw new CinnabarException(
                $"Expected the tool to be called to be one of {string.Join(", ", tools.Take(8).Select(tool => tool.Name))}, "
                + $"found {Checkpoints.ErrorText.Quote(required)}.",
                "Name one of the tools.");
        }

        Tools = tools;
        (_mustCall, _required, _allowsSeveral) = (mustCall || required is not null, required, allowsSeveral);
        _usesTags = (template.ToolTemplate ?? template.Template).Text.Contains(Opening, StringComparison.Ordinal);
    }

    /// <summary>What may be called.</summary>
    public IReadOnlyList<ChatTool> Tools { get; }

    /// <summary>JSON Schema that the answer has to follow; null: it need not be a call.</summary>
    public string? AnswerSchema => !_mustCall ? null : new JsonObject
    {
        ["anyOf"] = new JsonArray([.. Tools.Where(tool => _required is null || tool.Name == _required).Select(AnswerSchemaOf)]),
    }.ToJsonString();

    /// <summary>What stands before the answer, so that it begins inside of a call.</summary>
    internal string AnswerOpening => _mustCall && _usesTags ? $"{Opening}\n" : "";

    /// <summary>For templates that know tools: their list; null: they are described in a message.</summary>
    internal JsonElement? Definitions => _usesTags
        ? JsonElement.Parse(new JsonArray([.. Tools.Select(DefinitionOf)]).ToJsonString())
        : null;

    /// <summary>The conversation as the template gets it.</summary>
    internal IReadOnlyList<ChatMessage> Prepare(IReadOnlyList<ChatMessage> messages)
    {
        if (_usesTags)
        {
            return messages;
        }

        ChatMessage[] plain = CallsAsText.Of(messages);
        string description = Description();
        return plain is [{ Role: "system" } system, .. ChatMessage[] rest]
            ? [system with { Content = $"{system.Content}\n\n{description}" }, .. rest]
            : [new ChatMessage("system", description), .. plain];
    }

    /// <summary>The conversation as a template gets it when nothing may be called.</summary>
    internal static IReadOnlyList<ChatMessage> WithoutTools(IReadOnlyList<ChatMessage> messages, ChatTemplateFile template) =>
        template.Template.Text.Contains("tool_calls", StringComparison.Ordinal) ? messages : CallsAsText.Of(messages);

    /// <summary>Reads the calls out of an answer.</summary>
    /// <param name="answer">The whole text.</param>
    /// <returns>What stands before the first call, and the calls; without any, all of the text.</returns>
    public (string Text, IReadOnlyList<ToolCall> Calls) Read(string answer)
    {
        if (!_usesTags || _mustCall)
        {
            return CallOf(answer) is ToolCall only ? ("", [only]) : (answer, []);
        }

        List<ToolCall> calls = [];
        int first = answer.IndexOf(Opening, StringComparison.Ordinal);
        for (int start = first; start >= 0; start = answer.IndexOf(Opening, start, StringComparison.Ordinal))
        {
            start += Opening.Length;
            int end = EndOfCall(answer, start);
            if (CallOf(answer[start..end]) is not ToolCall call)
            {
                return (answer, []);
            }

            calls.Add(call);
            if (!_allowsSeveral)
            {
                break;
            }

            start = end;
        }

        return calls.Count > 0 ? (answer[..first].TrimEnd(), calls) : (answer, []);
    }

    // The closing tag may also stand inside a text of the arguments: the call ends with the first that makes it whole.
    private int EndOfCall(string answer, int start)
    {
        for (int end = start; (end = answer.IndexOf(Closing, end, StringComparison.Ordinal)) >= 0; end += Closing.Length)
        {
            if (CallOf(answer[start..end]) is not null)
            {
                return end;
            }
        }

        return answer.Length;
    }

    private static JsonObject DefinitionOf(ChatTool tool)
    {
        JsonObject function = new() { ["name"] = tool.Name };
        if (tool.Description is not null)
        {
            function["description"] = tool.Description;
        }

        function["parameters"] = Parameters(tool);
        return new JsonObject { ["type"] = "function", ["function"] = function };
    }

    private static JsonObject AnswerSchemaOf(ChatTool tool, int branch)
    {
        JsonNode arguments = Parameters(tool);
        if (arguments is JsonValue)
        {
            arguments = new JsonObject(); // true: anything
        }

        // Arguments are an object, whether the schema says so or allows anything.
        if (arguments is JsonObject root && s_shaping.All(keyword => !root.ContainsKey(keyword)))
        {
            root["type"] = "object";
        }

        MoveReferences(arguments, $"#/anyOf/{branch}/properties/arguments");
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject { ["name"] = new JsonObject { ["const"] = tool.Name }, ["arguments"] = arguments },
            ["required"] = new JsonArray("name", "arguments"),
            ["additionalProperties"] = false,
        };
    }

    // References of a schema begin at its root, which now is a part of another schema.
    private static void MoveReferences(JsonNode? schema, string root)
    {
        if (schema is JsonObject keywords)
        {
            foreach ((string name, JsonNode? value) in keywords.ToArray())
            {
                if (name == "$ref" && value is JsonValue reference && reference.TryGetValue(out string? target) && target.StartsWith('#'))
                {
                    keywords[name] = root + target[1..];
                }
                else if (name is ("properties" or "$defs" or "definitions") && value is JsonObject named)
                {
                    named.ToList().ForEach(part => MoveReferences(part.Value, root));
                }
                else if (name is not ("const" or "enum" or "default" or "examples"))
                {
                    MoveReferences(value, root);
                }
            }
        }
        else if (schema is JsonArray items)
        {
            foreach (JsonNode? item in items)
            {
                MoveReferences(item, root);
            }
        }
    }

    private static JsonNode Parameters(ChatTool tool) => tool.Parameters is JsonElement schema
        ? JsonNode.Parse(schema.GetRawText())!
        : new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(), ["additionalProperties"] = false };

    private string Description()
    {
        StringBuilder text = new("These functions can be called, each given as JSON with the schema of its arguments:\n");
        foreach (ChatTool tool in Tools)
        {
            JsonElement function = JsonElement.Parse(DefinitionOf(tool)["function"]!.ToJsonString());
            text.Append(PythonJson.TextOf(function, $"the tool {Checkpoints.ErrorText.Quote(tool.Name)}")).Append('\n');
        }

        return text.Append("To call one, answer with nothing but {\"name\": its name, \"arguments\": {…}}.").ToString();
    }

    private ToolCall? CallOf(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text.Trim());
            JsonElement call = document.RootElement;
            return call.ValueKind == JsonValueKind.Object
                && call.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String
                && Tools.Any(tool => tool.Name == name.GetString())
                && call.TryGetProperty("arguments", out JsonElement arguments) && arguments.ValueKind == JsonValueKind.Object
                ? new ToolCall(name.GetString()!, arguments.GetRawText())
                : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            return null; // it is text that looked like a call, perhaps with half of a surrogate pair in a name
        }
    }
}
