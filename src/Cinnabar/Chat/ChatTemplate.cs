// Messages → the text that a model was trained to continue. A template is a program in a part of Jinja that comes with the model; it
// gets what transformers' apply_chat_template gives it:
//
//   messages, tools (None without), documents (None), add_generation_prompt, bos_token and eos_token if the tokenizer has them,
//   and the caller's variables, such as enable_thinking
//
// Source: huggingface/transformers utils/chat_template_utils.py (render_jinja_template). The result is text with special tokens spelled
// out. Text of users that spells such a token is not told apart here.
using System.Text.Json;
using Cinnabar.Chat.Jinja;

namespace Cinnabar.Chat;

/// <summary>A chat template: renders a conversation to the text a model continues. Thread-safe.</summary>
public sealed class ChatTemplate
{
    private static readonly HashSet<string> s_reserved = ["messages", "tools", "add_generation_prompt"];

    private readonly JinjaTemplate _template;
    private readonly string _file;
    private readonly TimeProvider _clock;

    private ChatTemplate(JinjaTemplate template, string file, string text, TimeProvider clock)
    {
        _template = template;
        _file = file;
        _clock = clock;
        Text = text;
    }

    /// <summary>The template itself.</summary>
    public string Text { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="template">The template, at most 256 KB, in the part of Jinja that published templates use.</param>
    /// <param name="file">Where it is from, for messages.</param>
    /// <param name="clock">What the template's strftime_now reads, in local time; null for the system's clock.</param>
    /// <exception cref="CinnabarException">It is too long, damaged, or uses something unsupported.</exception>
    public static ChatTemplate Parse(string template, string file, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(file);
        return new ChatTemplate(JinjaTemplate.Parse(template, file), file, template, clock ?? TimeProvider.System);
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages, oldest first.</param>
    /// <param name="addGenerationPrompt">Whether to end with the beginning of the assistant's answer.</param>
    /// <param name="bosToken">Text of the token that begins a document; null if the tokenizer has none.</param>
    /// <param name="eosToken">Text of the token that ends a document; null if the tokenizer has none.</param>
    /// <param name="tools">A list of {"type": "function", "function": {"name", "description", "parameters"}}; null for none.</param>
    /// <param name="variables">What else the template may read, by name; null for nothing.</param>
    /// <returns>The text, at most 2 million characters.</returns>
    /// <exception cref="CinnabarException">The template refuses the messages, does not fit them, or reaches a limit.</exception>
    public string Render(
        IReadOnlyList<ChatMessage> messages,
        bool addGenerationPrompt,
        string? bosToken,
        string? eosToken,
        JsonElement? tools = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        Dictionary<string, object?> values = new(StringComparer.Ordinal)
        {
            ["messages"] = new JinjaList([.. messages.Select((message, i) => message.ToValue($"messages[{i}]"))]),
            ["tools"] = tools is JsonElement list ? PythonJson.FromJson(list, "tools") : null,
            ["documents"] = null,
            ["add_generation_prompt"] = addGenerationPrompt,
        };
        (string Name, string? Token)[] tokens = [("bos_token", bosToken), ("eos_token", eosToken)];
        foreach ((string name, string? token) in tokens)
        {
            if (token is not null)
            {
                values[name] = token; // without one it is undefined, which prints as nothing
            }
        }

        foreach ((string name, JsonElement value) in variables ?? new Dictionary<string, JsonElement>())
        {
            if (s_reserved.Contains(name))
            {
                throw new CinnabarException(
                    $"{_file}: expected variables other than messages, tools and add_generation_prompt, found '{name}'.",
                    "Give those as arguments of their own.");
            }

            values[name] = PythonJson.FromJson(value, $"the variable {Checkpoints.ErrorText.Quote(name)}");
        }

        return _template.Render(values, _clock);
    }
}
