using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>
/// <see cref="TokenizerDefinition"/> → tokenizer.json, the same bytes for the same tokenizer: those it was read from; else those of a
/// byte-level BPE with one split pattern, which is what is trained here.
/// </summary>
internal static class TokenizerWriter
{
    /// <summary>Writes a file beside <paramref name="path"/> and moves it there, so that a reader never sees half of it.</summary>
    public static void Write(TokenizerDefinition definition, string path)
    {
        byte[] content = ToJson(definition);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        string partial = $"{path}.{Guid.NewGuid():N}.partial";
        File.WriteAllBytes(partial, content);
        File.Move(partial, path, overwrite: true);
    }

    /// <summary>The bytes of tokenizer.json.</summary>
    /// <exception cref="CinnabarException">The tokenizer was not read from one, and is of another kind than is written here.</exception>
    public static byte[] ToJson(TokenizerDefinition definition) => definition.Json ?? Write(definition);

    private static byte[] Write(TokenizerDefinition definition)
    {
        if (definition is not { Model: Bpe { Symbols: ByteSymbols } model, PreTokenizers: [RegexSplit split], Normalizer: null })
        {
            throw new CinnabarException(
                "Only a byte-level BPE with one split pattern and no normalizer can be written as tokenizer.json.",
                "Save the tokenizer.json that belongs to the model.");
        }

        JsonWriterOptions options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        ArrayBufferWriter<byte> content = new();
        using Utf8JsonWriter json = new(content, options);
        string[] spellings = Spell(definition);
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        WriteAddedTokens(json, definition);
        json.WriteNull("normalizer");
        json.WritePropertyName("pre_tokenizer");
        WritePreTokenizer(json, split);
        WritePostProcessor(json, definition.PostProcessor, spellings);
        json.WriteStartObject("decoder");
        WriteByteLevel(json, addPrefixSpace: true, useRegex: true); // what Hugging Face writes; both are without effect on decoding
        json.WriteEndObject();
        WriteModel(json, model, spellings);
        json.WriteEndObject();
        json.Flush();
        return content.WrittenSpan.ToArray();
    }

    private static string[] Spell(TokenizerDefinition definition)
    {
        string[] spellings = new string[definition.Tokens.Count];
        for (int id = 0; id < spellings.Length; id++)
        {
            spellings[id] = ByteLevel.Spell(definition.Tokens[id, first: false]);
        }

        foreach (AddedToken token in definition.AddedTokens.All)
        {
            spellings[token.Id] = token.Content;
        }

        return spellings;
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, TokenizerDefinition definition)
    {
        json.WriteStartArray("added_tokens");
        foreach (AddedToken token in definition.AddedTokens.All.OrderBy(token => token.Id))
        {
            json.WriteStartObject();
            json.WriteNumber("id", token.Id);
            json.WriteString("content", token.Content);
            json.WriteBoolean("single_word", token.SingleWord);
            json.WriteBoolean("lstrip", token.LStrip);
            json.WriteBoolean("rstrip", token.RStrip);
            json.WriteBoolean("normalized", token.Normalized);
            json.WriteBoolean("special", token.Special);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Writes the byte-level pre-tokenizer of a split pattern.</summary>
    public static void WritePreTokenizer(Utf8JsonWriter json, RegexSplit split)
    {
        json.WriteStartObject();
        if (split.Pattern == SplitPatterns.Gpt2)
        {
            WriteByteLevel(json, addPrefixSpace: false, useRegex: true);
        }
        else
        {
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", split.Pattern);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
            json.WriteStartObject();
            WriteByteLevel(json, addPrefixSpace: false, useRegex: false);
            json.WriteEndObject();
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WritePostProcessor(Utf8JsonWriter json, PostProcessor around, string[] spellings)
    {
        if (around is { Before.Count: 0, After.Count: 0 })
        {
            json.WriteNull("post_processor");
            return;
        }

        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        foreach ((string template, string[] texts) in ((string, string[])[])[("single", ["A"]), ("pair", ["A", "B"])])
        {
            json.WriteStartArray(template);
            WritePieces("SpecialToken", around.Before.Select(id => spellings[id]));
            WritePieces("Sequence", texts);
            WritePieces("SpecialToken", around.After.Select(id => spellings[id]));
            json.WriteEndArray();
        }

        json.WriteStartObject("special_tokens");
        foreach (int id in around.Before.Concat(around.After).Distinct())
        {
            json.WriteStartObject(spellings[id]);
            json.WriteString("id", spellings[id]);
            json.WriteStartArray("ids");
            json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(spellings[id]);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();

        void WritePieces(string kind, IEnumerable<string> names)
        {
            foreach (string name in names)
            {
                json.WriteStartObject();
                json.WriteStartObject(kind);
                json.WriteString("id", name);
                json.WriteNumber("type_id", 0);
                json.WriteEndObject();
                json.WriteEndObject();
            }
        }
    }

    private static void WriteByteLevel(Utf8JsonWriter json, bool addPrefixSpace, bool useRegex)
    {
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
    }

    private static void WriteModel(Utf8JsonWriter json, Bpe model, string[] spellings)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", model.KeepsWholePieces);
        json.WriteStartObject("vocab");
        for (int id = 0; id < spellings.Length; id++)
        {
            if (spellings[id].Length > 0)
            {
                json.WriteNumber(spellings[id], id);
            }
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((int left, int right, _, _) in model.Merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(spellings[left]);
            json.WriteStringValue(spellings[right]);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
