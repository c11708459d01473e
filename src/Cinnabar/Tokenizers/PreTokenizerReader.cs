using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads "pre_tokenizer" of tokenizer.json.</summary>
internal sealed class PreTokenizerReader(TokenizerJson json)
{
    private const int MaxStages = 16;
    private readonly List<PreTokenizer> _stages = [];

    /// <summary>What cuts, in order.</summary>
    public IReadOnlyList<PreTokenizer> Stages => _stages;

    /// <summary>Whether the vocabulary is spelled in the byte-level alphabet.</summary>
    public bool IsByteLevel { get; private set; }

    /// <summary>Reads the component; nothing for none.</summary>
    public void Read(JsonElement? element)
    {
        if (element is JsonElement value)
        {
            Read(value, "pre_tokenizer", alone: true);
        }
    }

    private void Read(JsonElement element, string where, bool alone)
    {
        string type = json.TypeOf(element, where);
        if (IsByteLevel || _stages.Count == MaxStages)
        {
            throw json.Bad(where, $"ByteLevel as the last of at most {MaxStages} pre-tokenizers", $"'{type}' after it");
        }

        switch (type)
        {
            case "BertPreTokenizer":
                _stages.Add(new BertPreTokenizer());
                break;
            case "ByteLevel":
                ReadByteLevel(element, where, alone);
                break;
            case "Metaspace" when alone:
                _stages.Add(ReadMetaspace(element, where));
                break;
            case "Metaspace":
                throw json.Bad(where, "Metaspace as the only pre-tokenizer", "it in a sequence");
            case "Sequence":
                JsonElement[] parts = json.Array(json.Member(element, "pretokenizers", where), $"{where}.pretokenizers");
                for (int i = 0; i < parts.Length; i++)
                {
                    Read(parts[i], $"{where}.pretokenizers[{i}]", alone && parts.Length == 1);
                }

                break;
            case "Split":
                _stages.Add(ReadSplit(element, where));
                break;
            default:
                throw json.Unsupported(where, type, "BertPreTokenizer", "ByteLevel", "Metaspace", "Sequence", "Split");
        }
    }

    private void ReadByteLevel(JsonElement element, string where, bool alone)
    {
        IsByteLevel = true;
        bool addsPrefixSpace = json.Flag(element, "add_prefix_space", where);
        bool cuts = json.Flag(element, "use_regex", where, whenAbsent: true);
        if (addsPrefixSpace && !(alone && cuts))
        {
            throw json.Bad($"{where}.add_prefix_space", "false where ByteLevel does not cut the text itself", "true");
        }

        if (cuts)
        {
            _stages.Add(RegexSplit.Parse(SplitPatterns.Gpt2, addsPrefixSpace: addsPrefixSpace)!);
        }
    }

    private Metaspace ReadMetaspace(JsonElement element, string where)
    {
        (string replacement, PrependScheme scheme) = MetaspaceSettings(json, element, where);
        return new Metaspace(replacement, scheme, json.Flag(element, "split", where, whenAbsent: true));
    }

    /// <summary>The settings that the pre-tokenizer and the decoder share.</summary>
    public static (string Replacement, PrependScheme Scheme) MetaspaceSettings(TokenizerJson json, JsonElement element, string where)
    {
        string replacement = json.Text(element, "replacement", where);
        if (replacement.EnumerateRunes().Count() != 1)
        {
            throw json.Bad($"{where}.replacement", "one character", $"'{replacement}'");
        }

        bool older = json.Flag(element, "add_prefix_space", where, whenAbsent: true); // before prepend_scheme
        if (json.Optional(element, "prepend_scheme", where) is not JsonElement scheme)
        {
            return (replacement, older ? PrependScheme.Always : PrependScheme.Never);
        }

        return json.Text(scheme, $"{where}.prepend_scheme") switch
        {
            "always" => (replacement, PrependScheme.Always),
            "first" => (replacement, PrependScheme.First),
            "never" => (replacement, PrependScheme.Never),
            string other => throw json.Bad($"{where}.prepend_scheme", "always, first or never", $"'{other}'"),
        };
    }

    private PreTokenizer ReadSplit(JsonElement element, string where)
    {
        string behaviorText = json.Text(element, "behavior", where);
        if (!Enum.TryParse(behaviorText, out SplitBehavior behavior) || behavior.ToString() != behaviorText)
        {
            throw json.Bad($"{where}.behavior", string.Join(", ", Enum.GetNames<SplitBehavior>()), $"'{behaviorText}'");
        }

        bool invert = json.Flag(element, "invert", where, whenAbsent: false);
        JsonElement pattern = json.Member(element, "pattern", where);
        if (json.Optional(pattern, "String", $"{where}.pattern") is JsonElement text)
        {
            string delimiter = json.Text(text, $"{where}.pattern.String");
            return delimiter.Length > 0 && !invert
                ? new StringSplit(delimiter, behavior)
                : throw json.Bad(where, "a text to split at and invert false", $"'{delimiter}' and invert {(invert ? "true" : "false")}");
        }

        string regex = json.Text(pattern, "Regex", $"{where}.pattern");
        bool keepsGaps = behavior == SplitBehavior.Isolated && !invert;
        if (!keepsGaps && !(behavior == SplitBehavior.Removed && invert))
        {
            throw json.Bad(
                $"{where}.behavior", "Isolated with invert false, or Removed with invert true, for a Regex",
                $"{behavior} with invert {(invert ? "true" : "false")}");
        }

        return RegexSplit.Parse(regex, keepsGaps) ?? throw json.Bad(
            $"{where}.pattern.Regex", "a pattern of the kind that GPT-2, Qwen2, Llama 3 and Bailing use", $"'{regex}'");
    }
}
