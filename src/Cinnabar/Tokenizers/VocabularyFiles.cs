// Folders without a tokenizer.json: Dream and DiffuCoder are published with the files of the older tokenizer classes,
//
//   vocab.json             spelling → id, in the byte-level alphabet
//   merges.txt             a merge on each line, "left right"; a first line that begins with "#version:" is none
//   tokenizer_config.json  "tokenizer_class", and "added_tokens_decoder": id → added token
//
// They are written together as the tokenizer.json that stands for the same class, and that is read. Both classes here are Qwen2's:
// normalization form C, Qwen2's split pattern, byte-level BPE.
// Source: transformers, models/qwen2/tokenization_qwen2.py; Dream's tokenization_dream.py, which is a copy of it.
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>vocab.json, merges.txt and tokenizer_config.json → tokenizer.json.</summary>
internal static class VocabularyFiles
{
    private const int MaxConfigDepth = 64;

    /// <summary>Whether a folder has them.</summary>
    public static bool Exist(string folder) => File.Exists(VocabularyOf(folder)) && File.Exists(MergesOf(folder));

    /// <summary>The path of vocab.json.</summary>
    public static string VocabularyOf(string folder) => Path.Combine(folder, "vocab.json");

    /// <summary>The content of the tokenizer.json.</summary>
    /// <exception cref="CinnabarException">A file is missing or damaged, or the class is another.</exception>
    public static byte[] ToTokenizerJson(string folder)
    {
        TokenizerJson vocabulary = new(VocabularyOf(folder));
        byte[] vocabularyBytes = vocabulary.ReadFile();
        using (JsonDocument document = vocabulary.Parse(vocabularyBytes))
        {
            vocabulary.Object(document.RootElement, "the file");
        }

        string merges = Encoding.UTF8.GetString(new TokenizerJson(MergesOf(folder)).ReadFile());
        TokenizerJson config = new(Path.Combine(folder, "tokenizer_config.json"));
        using JsonDocument settings = config.Parse(config.ReadFile(), MaxConfigDepth);
        string kind = config.Text(settings.RootElement, "tokenizer_class", "the file");
        if (kind is not ("Qwen2Tokenizer" or "Qwen2TokenizerFast" or "DreamTokenizer"))
        {
            throw config.Bad("tokenizer_class", "Qwen2Tokenizer or DreamTokenizer where there is no tokenizer.json", $"'{kind}'");
        }

        ArrayBufferWriter<byte> content = new();
        using Utf8JsonWriter json = new(content);
        json.WriteStartObject();
        WriteAddedTokens(json, config, config.Member(settings.RootElement, "added_tokens_decoder", "the file"));
        WriteComponents(json);
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WritePropertyName("vocab");
        json.WriteRawValue(vocabularyBytes, skipInputValidation: true); // parsed above
        WriteMerges(json, merges);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return content.WrittenSpan.ToArray();
    }

    private static string MergesOf(string folder) => Path.Combine(folder, "merges.txt");

    private static void WriteAddedTokens(Utf8JsonWriter json, TokenizerJson config, JsonElement tokens)
    {
        json.WriteStartArray("added_tokens");
        foreach (JsonProperty token in config.Object(tokens, "added_tokens_decoder").EnumerateObject())
        {
            string id = config.Name(token, "added_tokens_decoder");
            string where = $"added_tokens_decoder['{id}']";
            if (!int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                throw config.Bad("added_tokens_decoder", "ids", $"'{id}'");
            }

            json.WriteStartObject();
            json.WriteNumber("id", number);
            json.WriteString("content", config.Text(token.Value, "content", where));
            foreach (string flag in (ReadOnlySpan<string>)["special", "normalized", "single_word", "lstrip", "rstrip"])
            {
                json.WriteBoolean(flag, config.Flag(token.Value, flag, where, whenAbsent: false));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteComponents(Utf8JsonWriter json)
    {
        json.WriteStartObject("normalizer");
        json.WriteString("type", "NFC");
        json.WriteEndObject();
        json.WritePropertyName("pre_tokenizer");
        TokenizerWriter.WritePreTokenizer(json, RegexSplit.Of(SplitPatterns.Qwen2));
        json.WriteStartObject("decoder");
        json.WriteString("type", "ByteLevel");
        json.WriteEndObject();
    }

    private static void WriteMerges(Utf8JsonWriter json, string merges)
    {
        json.WriteStartArray("merges");
        int line = 0;
        foreach (ReadOnlySpan<char> merge in merges.AsSpan().EnumerateLines())
        {
            bool version = line++ == 0 && merge.StartsWith("#version:", StringComparison.Ordinal);
            if (!version && !merge.IsEmpty)
            {
                json.WriteStringValue(merge);
            }
        }

        json.WriteEndArray();
    }
}
