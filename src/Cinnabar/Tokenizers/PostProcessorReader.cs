using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads "post_processor" of tokenizer.json: what goes around a single text. Templates for pairs are passed over.</summary>
internal sealed class PostProcessorReader(TokenizerJson json, int vocabularySize)
{
    private const int MaxTokens = 64;

    /// <summary>Reads the component.</summary>
    public PostProcessor Read(JsonElement? element, string where)
    {
        if (element is not JsonElement value)
        {
            return PostProcessor.None;
        }

        string type = json.TypeOf(value, where);
        PostProcessor found = type switch
        {
            "BertProcessing" or "RobertaProcessing" => new PostProcessor([Pair(value, "cls", where)], [Pair(value, "sep", where)]),
            "ByteLevel" => PostProcessor.None, // only moves offsets
            "Sequence" => ReadSequence(value, where),
            "TemplateProcessing" => ReadTemplate(value, where),
            _ => throw json.Unsupported(
                where, type, "BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"),
        };
        return found.Before.Count + found.After.Count <= MaxTokens
            ? found
            : throw json.Bad(where, $"at most {MaxTokens} special tokens around a text", $"{found.Before.Count + found.After.Count}");
    }

    private PostProcessor ReadSequence(JsonElement element, string where)
    {
        PostProcessor found = PostProcessor.None;
        foreach ((int i, JsonElement part) in json.Array(json.Member(element, "processors", where), $"{where}.processors").Index())
        {
            PostProcessor next = Read(part, $"{where}.processors[{i}]");
            found = new PostProcessor([.. next.Before, .. found.Before], [.. found.After, .. next.After]);
        }

        return found;
    }

    // ["[CLS]", 101]
    private int Pair(JsonElement element, string name, string where)
    {
        JsonElement[] pair = json.Array(json.Member(element, name, where), $"{where}.{name}");
        return pair.Length == 2
            ? Id(pair[1], $"{where}.{name}[1]")
            : throw json.Bad($"{where}.{name}", "a name and an id", $"{pair.Length} items");
    }

    // "single": [{"SpecialToken": {"id": "[CLS]", …}}, {"Sequence": {"id": "A", …}}, …]
    private PostProcessor ReadTemplate(JsonElement element, string where)
    {
        JsonElement special = json.Member(element, "special_tokens", where);
        List<int> before = [];
        List<int> after = [];
        int sequences = 0;
        foreach ((int i, JsonElement piece) in json.Array(json.Member(element, "single", where), $"{where}.single").Index())
        {
            string at = $"{where}.single[{i}]";
            if (json.Optional(piece, "Sequence", at) is JsonElement sequence)
            {
                string name = json.Text(sequence, "id", $"{at}.Sequence");
                sequences += name == "A" ? 1 : throw json.Bad($"{at}.Sequence.id", "A", $"'{name}'");
                continue;
            }

            string token = json.Text(json.Member(piece, "SpecialToken", at), "id", $"{at}.SpecialToken");
            string entry = $"{where}.special_tokens['{token}']";
            JsonElement definition = json.Member(special, token, $"{where}.special_tokens");
            foreach (JsonElement id in json.Array(json.Member(definition, "ids", entry), $"{entry}.ids"))
            {
                (sequences == 0 ? before : after).Add(Id(id, $"{entry}.ids"));
            }
        }

        return sequences == 1 ? new PostProcessor(before, after) : throw json.Bad($"{where}.single", "one Sequence A", $"{sequences}");
    }

    private int Id(JsonElement element, string where)
    {
        int id = json.Id(element, where);
        return id < vocabularySize ? id : throw json.Bad(where, $"an id below {vocabularySize}", $"{id}");
    }
}
