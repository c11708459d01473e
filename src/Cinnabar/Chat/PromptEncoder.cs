// A rendered conversation as token ids. The template's own special tokens become those tokens; the same texts inside of messages are what
// somebody typed and stay ordinary text, or a message could end its turn and speak as another role.
//
// Templates cut and test messages (trim, startswith, split), so messages cannot be wrapped in marks. Instead each special token spelled
// in a message is broken by a mark after its first character before the template sees it: the search for special tokens then finds only
// the template's, and the marks are taken out of the text between them. The mark is a code point that Unicode sets aside for such uses.
using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Tokenizers;

namespace Cinnabar.Chat;

/// <summary>Renders and encodes conversations for one tokenizer.</summary>
internal sealed class PromptEncoder
{
    private const string Mark = "\uFDD0";

    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplateFile _template;
    private readonly string[] _special; // longest first, so that the first that fits is the longest
    private readonly SearchValues<string> _anySpecial;

    public PromptEncoder(Tokenizer tokenizer, ChatTemplateFile template)
    {
        _tokenizer = tokenizer;
        _template = template;
        _special =
        [
            .. Enumerable.Range(0, tokenizer.VocabularySize)
                .Where(tokenizer.IsSpecial)
                .Select(tokenizer.TokenText)
                .Where(AddedTokens.IsBreakable)
                .OrderByDescending(text => text.Length),
        ];
        _anySpecial = SearchValues.Create(_special, StringComparison.Ordinal);
    }

    /// <summary>The ids of a conversation, ready for an answer.</summary>
    /// <param name="messages">Oldest first.</param>
    /// <param name="variables">Further variables of the template; null: none.</param>
    /// <param name="tools">What may be called; null: nothing.</param>
    /// <exception cref="CinnabarException">The template refuses the messages.</exception>
    public int[] Encode(
        IReadOnlyList<ChatMessage> messages, IReadOnlyDictionary<string, JsonElement>? variables, ToolCalling? tools = null)
    {
        ChatMessage[] broken =
        [
            .. (tools?.Prepare(messages) ?? ToolCalling.WithoutTools(messages, _template)).Select(message => message with
            {
                Content = message.Content is null ? null : Broken(message.Content),
                Name = message.Name is null ? null : Broken(message.Name),
                ReasoningContent = message.ReasoningContent is null ? null : Broken(message.ReasoningContent),
                ToolCalls = message.ToolCalls is JsonElement calls ? Broken(calls) : null,
                OtherFields = message.OtherFields.ToDictionary(field => field.Key, field => Broken(field.Value)),
            }),
        ];
        JsonElement? definitions = tools?.Definitions is JsonElement list ? Broken(list) : null;
        string rendered = _template.Render(broken, addGenerationPrompt: true, definitions, variables) + tools?.AnswerOpening;
        return _tokenizer.EncodeMarked(rendered, Mark);
    }

    // Texts of JSON are what somebody typed, too.
    private JsonElement Broken(JsonElement json)
    {
        return JsonElement.Parse(Break(JsonNode.Parse(json.GetRawText()))?.ToJsonString() ?? "null");

        JsonNode? Break(JsonNode? node) => node switch
        {
            JsonObject fields => BreakFields(fields),
            JsonArray items => new JsonArray([.. items.Select(Break)]),
            JsonValue value when value.TryGetValue(out string? text) => JsonValue.Create(Broken(text)),
            _ => node?.DeepClone(),
        };

        // Of names that differ only by marks somebody typed, the last one stays.
        JsonObject BreakFields(JsonObject fields)
        {
            JsonObject broken = [];
            foreach ((string name, JsonNode? value) in fields)
            {
                broken[Broken(name)] = Break(value);
            }

            return broken;
        }
    }

    private string Broken(string text)
    {
        string unmarked = text.Replace(Mark, "", StringComparison.Ordinal);
        if (!unmarked.AsSpan().ContainsAny(_anySpecial))
        {
            return unmarked;
        }

        StringBuilder result = new(unmarked);
        foreach (string special in _special)
        {
            result.Replace(special, special.Insert(AddedTokens.BreakOf(special), Mark));
        }

        return result.ToString();
    }
}
