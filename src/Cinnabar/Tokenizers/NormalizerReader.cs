using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads "normalizer" of tokenizer.json.</summary>
internal sealed class NormalizerReader(TokenizerJson json)
{
    private const int MaxText = 16;
    private const int MaxGrowth = 64;
    private int _growth = 1; // how many times longer a text may become: a small file must not make it endless

    /// <summary>Reads the component; null for none.</summary>
    public Normalizer? Read(JsonElement? element) => element is JsonElement value ? Read(value, "normalizer") : null;

    private Normalizer Read(JsonElement element, string where)
    {
        string type = json.TypeOf(element, where);
        return type switch
        {
            "BertNormalizer" => ReadBert(element, where),
            "Lowercase" => new LowercaseNormalizer(),
            "NFC" => new CanonicalNormalizer(compose: true),
            "NFD" => new CanonicalNormalizer(compose: false),
            "Prepend" => new PrependNormalizer(ShortText(element, "prepend", where)),
            "Replace" => ReadReplace(element, where),
            "Sequence" => ReadSequence(element, where),
            "StripAccents" => new StripAccentsNormalizer(),
            _ => throw json.Unsupported(
                where, type, "BertNormalizer", "Lowercase", "NFC", "NFD", "Prepend", "Replace", "Sequence", "StripAccents"),
        };
    }

    private NormalizerSequence ReadSequence(JsonElement element, string where)
    {
        JsonElement[] parts = json.Array(json.Member(element, "normalizers", where), $"{where}.normalizers");
        return parts.Length <= MaxText
            ? new NormalizerSequence([.. parts.Select((part, i) => Read(part, $"{where}.normalizers[{i}]"))])
            : throw json.Bad($"{where}.normalizers", $"at most {MaxText} normalizers", $"{parts.Length}");
    }

    private BertNormalizer ReadBert(JsonElement element, string where)
    {
        bool lowercase = json.Flag(element, "lowercase", where, whenAbsent: true);
        return new BertNormalizer
        {
            CleanText = json.Flag(element, "clean_text", where, whenAbsent: true),
            HandleChineseChars = json.Flag(element, "handle_chinese_chars", where, whenAbsent: true),
            StripAccents = json.Flag(element, "strip_accents", where, whenAbsent: lowercase),
            Lowercase = lowercase,
        };
    }

    private ReplaceNormalizer ReadReplace(JsonElement element, string where)
    {
        string find = ShortText(json.Member(element, "pattern", where), "String", $"{where}.pattern");
        string content = ShortText(element, "content", where);
        if (find.Length == 0)
        {
            throw json.Bad($"{where}.pattern.String", "a text", "an empty one");
        }

        _growth *= Math.Max(1, (content.Length + find.Length - 1) / find.Length);
        return _growth <= MaxGrowth
            ? new ReplaceNormalizer(find, content)
            : throw json.Bad(where, $"replacements that make text at most {MaxGrowth} times longer", $"{_growth} times");
    }

    private string ShortText(JsonElement element, string name, string where)
    {
        string text = json.Text(element, name, where);
        return text.Length <= MaxText ? text : throw json.Bad($"{where}.{name}", $"at most {MaxText} characters", $"{text.Length}");
    }
}
