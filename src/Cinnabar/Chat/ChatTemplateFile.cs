// Where a model keeps its chat template, in the order in which transformers looks:
//
//   chat_template.jinja                       the template, as text
//   tokenizer_config.json: chat_template      a text, or a list of {"name": …, "template": …}
//   GGUF: tokenizer.chat_template             a text (FromGguf)
//
// Of a list, "tool_use" is taken when there are tools and it exists, else "default". The tokens bos_token and eos_token come from
// tokenizer_config.json, each a text or {"content": …}. Source: huggingface/transformers tokenization_utils_base.py.
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Cinnabar.Chat.Jinja;
using Cinnabar.Checkpoints;

namespace Cinnabar.Chat;

/// <summary>The chat template of a model with the tokens it writes.</summary>
public sealed class ChatTemplateFile
{
    private const string TemplateFileName = "chat_template.jinja";
    private const string Standard = "default";
    private const string ForTools = "tool_use";
    private const string SettingsFileName = "tokenizer_config.json";
    private const int MaxSettingsBytes = 16 << 20; // Gemma's lists 6,000 reserved tokens in 1.2 MB

    private ChatTemplateFile(ChatTemplate standard, ChatTemplate? toolUse, string? bosToken, string? eosToken)
    {
        Template = standard;
        ToolTemplate = toolUse;
        BosToken = bosToken;
        EosToken = eosToken;
    }

    /// <summary>The template.</summary>
    public ChatTemplate Template { get; }

    /// <summary>The template for conversations with tools; null if it is the same.</summary>
    public ChatTemplate? ToolTemplate { get; }

    /// <summary>Text of the token that begins a document; null if there is none.</summary>
    public string? BosToken { get; }

    /// <summary>Text of the token that ends a document; null if there is none.</summary>
    public string? EosToken { get; }

    /// <summary>Finds the template of a model folder.</summary>
    /// <param name="folder">The folder with the model's files.</param>
    /// <returns>Null if the model has no chat template.</returns>
    /// <exception cref="CinnabarException">A file cannot be read, or the template is not in the supported language.</exception>
    public static ChatTemplateFile? Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string settingsPath = Path.Combine(folder, SettingsFileName);
        JsonSettings? settings = File.Exists(settingsPath)
            ? JsonSettings.Parse(settingsPath, InputFile.ReadAll(settingsPath, "settings of the tokenizer", MaxSettingsBytes))
            : null;
        string templatePath = Path.Combine(folder, TemplateFileName);
        Dictionary<string, ChatTemplate> templates = File.Exists(templatePath)
            ? new() { [Standard] = ChatTemplate.Parse(ReadText(templatePath), templatePath) }
            : settings is null ? [] : ReadTemplates(settings);
        return templates.TryGetValue(Standard, out ChatTemplate? template)
            ? new ChatTemplateFile(
                template,
                templates.GetValueOrDefault(ForTools),
                settings is null ? null : ReadToken(settings, "bos_token"),
                settings is null ? null : ReadToken(settings, "eos_token"))
            : null;
    }

    /// <summary>The template of a GGUF file.</summary>
    /// <param name="template">Value of the key tokenizer.chat_template.</param>
    /// <param name="bosToken">Text of the token that begins a document; null if there is none.</param>
    /// <param name="eosToken">Text of the token that ends a document; null if there is none.</param>
    /// <param name="file">The GGUF file, for messages.</param>
    /// <exception cref="CinnabarException">The template is not in the supported language.</exception>
    public static ChatTemplateFile FromGguf(string template, string? bosToken, string? eosToken, string file) =>
        new(ChatTemplate.Parse(template, $"{file}: tokenizer.chat_template"), null, bosToken, eosToken);

    /// <summary>The built-in template of a family, with the tokens of a model that brings none.</summary>
    /// <param name="family">One of <see cref="BuiltInChatTemplates.Families"/>.</param>
    /// <param name="bosToken">Text of the token that begins a document; null if there is none.</param>
    /// <param name="eosToken">Text of the token that ends a document; null if there is none.</param>
    public static ChatTemplateFile BuiltIn(string family, string? bosToken, string? eosToken) =>
        new(BuiltInChatTemplates.For(family), null, bosToken, eosToken);

    /// <summary>Renders a conversation with the template that fits and this model's tokens, as <see cref="ChatTemplate.Render"/>.</summary>
    /// <exception cref="CinnabarException">The template refuses the messages, does not fit them, or reaches a limit.</exception>
    public string Render(
        IReadOnlyList<ChatMessage> messages,
        bool addGenerationPrompt,
        JsonElement? tools = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        (tools is null ? Template : ToolTemplate ?? Template).Render(messages, addGenerationPrompt, BosToken, EosToken, tools, variables);

    private static string ReadText(string path)
    {
        byte[] bytes = InputFile.ReadAll(path, "the chat template", JinjaLimits.TemplateBytes);
        return Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : throw new CinnabarException($"{path}: expected UTF-8 text, found an invalid byte sequence.", "Save the file as UTF-8.");
    }

    private static Dictionary<string, ChatTemplate> ReadTemplates(JsonSettings settings)
    {
        const string Key = "chat_template";
        string place = $"{settings.File}: {Key}";
        Dictionary<string, ChatTemplate> templates = new(StringComparer.Ordinal);
        switch (settings.Value(Key))
        {
            case null:
                break;
            case { ValueKind: JsonValueKind.String } text:
                templates[Standard] = ChatTemplate.Parse(text.GetString()!, place);
                break;
            case { ValueKind: JsonValueKind.Array } list:
                foreach (JsonElement item in list.EnumerateArray())
                {
                    if (TextOf(item, "name") is not string name || TextOf(item, "template") is not string template)
                    {
                        throw settings.Wrong(Key, "a list of {\"name\": …, \"template\": …}", ErrorText.Quote(item.GetRawText()));
                    }

                    // Others may be for purposes, and in a language, that are not ours.
                    if (name is Standard or ForTools && !templates.TryAdd(name, ChatTemplate.Parse(template, $"{place} '{name}'")))
                    {
                        throw settings.Wrong(Key, "templates of different names", $"'{name}' twice");
                    }
                }

                if (!templates.ContainsKey(Standard))
                {
                    throw settings.Wrong(Key, $"a template named '{Standard}' in the list", $"{list.GetArrayLength()} others");
                }

                break;
            case JsonElement other:
                throw settings.Wrong(Key, "a text or a list", ErrorText.Quote(other.GetRawText()));
        }

        return templates;
    }

    private static string? ReadToken(JsonSettings settings, string key) => settings.Value(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Object } token when TextOf(token, "content") is string content => content,
        JsonElement other => throw settings.Wrong(key, "a text or {\"content\": …}", ErrorText.Quote(other.GetRawText())),
    };

    private static string? TextOf(JsonElement element, string key) => element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
