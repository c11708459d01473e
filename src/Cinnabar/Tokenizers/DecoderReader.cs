using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads "decoder" of tokenizer.json.</summary>
internal sealed class DecoderReader(TokenizerJson json)
{
    private const int MaxParts = 16;
    private const int MaxText = 16;
    private readonly List<(string Find, string Replacement)> _replacements = [];
    private bool _byteFallback;
    private bool _fused;
    private string? _stripStart;

    /// <summary>Reads the component.</summary>
    public Decoder Read(JsonElement element) => Read(element, "decoder");

    private Decoder Read(JsonElement element, string where)
    {
        string type = json.TypeOf(element, where);
        switch (type)
        {
            case "ByteLevel":
                return new ByteLevelDecoder();
            case "WordPiece":
                return new WordPieceDecoder(json.Text(element, "prefix", where), json.Flag(element, "cleanup", where, whenAbsent: true));
            case "Metaspace":
                (string replacement, PrependScheme scheme) = PreTokenizerReader.MetaspaceSettings(json, element, where);
                return new MetaspaceDecoder(replacement, scheme != PrependScheme.Never);
            case "Sequence":
                return ReadSequence(json.Array(json.Member(element, "decoders", where), $"{where}.decoders"), $"{where}.decoders");
            default:
                ReadPart(element, where);
                return Parts();
        }
    }

    private DecoderSequence Parts() =>
        new() { Replacements = _replacements, ByteFallback = _byteFallback, StripStart = _stripStart };

    private Decoder ReadSequence(JsonElement[] parts, string where)
    {
        if (parts.Length == 1 && json.TypeOf(parts[0], $"{where}[0]") is "ByteLevel" or "WordPiece" or "Metaspace")
        {
            return Read(parts[0], $"{where}[0]");
        }

        if (parts.Length > MaxParts)
        {
            throw json.Bad(where, $"at most {MaxParts} decoders", $"{parts.Length}");
        }

        for (int i = 0; i < parts.Length; i++)
        {
            ReadPart(parts[i], $"{where}[{i}]");
        }

        return Parts();
    }

    // Replace, then ByteFallback, then Fuse, then Strip: in another order a token's text would depend on its neighbours.
    private void ReadPart(JsonElement part, string where)
    {
        string type = json.TypeOf(part, where);
        bool inOrder = type switch
        {
            "Replace" => !_byteFallback && !_fused,
            "ByteFallback" => !_fused,
            "Strip" => _fused && _stripStart is null,
            _ => true,
        };
        if (!inOrder)
        {
            throw json.Bad(where, "the order Replace, ByteFallback, Fuse, Strip", $"'{type}' out of it");
        }

        switch (type)
        {
            case "Replace":
                string find = json.Text(json.Member(part, "pattern", where), "String", $"{where}.pattern");
                string replacement = json.Text(part, "content", where);
                _replacements.Add(find.Length is > 0 and <= MaxText && replacement.Length <= find.Length
                    ? (find, replacement)
                    : throw json.Bad(where, $"a text of 1 to {MaxText} characters and one no longer for it", $"'{find}', '{replacement}'"));
                break;
            case "ByteFallback":
                _byteFallback = true;
                break;
            case "Fuse":
                _fused = true;
                break;
            case "Strip":
                _stripStart = ReadStrip(part, where);
                break;
            default:
                throw json.Unsupported(
                    where, type, "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence", "Strip", "WordPiece");
        }
    }

    private string ReadStrip(JsonElement part, string where)
    {
        string content = json.Text(part, "content", where);
        int start = json.Number(part, "start", where, 0, 1);
        json.Number(part, "stop", where, 0, 0);
        return content.Length <= MaxText ? start == 1 ? content : "" : throw json.Bad($"{where}.content", "one character", $"'{content}'");
    }
}
