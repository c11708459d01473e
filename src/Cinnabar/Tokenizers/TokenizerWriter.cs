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
        byte[] content = definition.Json ?? Write(definition);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        string partial = $"{path}.{Guid.NewGuid():N}.partial";
        File.WriteAllBytes(partial, content);
        File.Move(partial, path, overwrite: true);
    }

    private static byte[] Write(TokenizerDefinition definition)
    {
        if (definition is not { Model: Bpe { Symbols: ByteSymbols } model, PreTokenizers: [RegexSplit split], Normalizer: null }
            || definition.PostProcessor is not { Before.Count: 0, After.Count: 0 })
        {
            throw new CinnabarException(
                "Only a byte-level BPE with one split pattern and nothing else can be written as tokenizer.json.",
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
        json.WriteNull("post_processor");
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
