using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary><see cref="TokenizerDefinition"/> → tokenizer.json, the same bytes for the same tokenizer.</summary>
internal static class TokenizerWriter
{
    /// <summary>Writes a file beside <paramref name="path"/> and moves it there, so that a reader never sees half of it.</summary>
    public static void Write(TokenizerDefinition definition, string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        string partial = $"{path}.{Guid.NewGuid():N}.partial";
        using (FileStream stream = File.Create(partial))
        {
            Write(definition, stream);
        }

        File.Move(partial, path, overwrite: true);
    }

    private static void Write(TokenizerDefinition definition, Stream stream)
    {
        JsonWriterOptions options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using Utf8JsonWriter json = new(stream, options);
        string[] spellings = Spell(definition);
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        WriteAddedTokens(json, definition);
        json.WriteNull("normalizer");
        WritePreTokenizer(json, definition.PreTokenizer);
        json.WriteNull("post_processor");
        json.WriteStartObject("decoder");
        WriteByteLevel(json, addPrefixSpace: true, useRegex: true); // what Hugging Face writes; both are without effect on decoding
        json.WriteEndObject();
        WriteModel(json, definition, spellings);
        json.WriteEndObject();
    }

    private static string[] Spell(TokenizerDefinition definition)
    {
        string[] spellings = [.. definition.Tokens.Select(token => ByteLevel.Spell(token))];
        foreach ((string name, int id) in definition.SpecialTokens)
        {
            spellings[id] = name;
        }

        return spellings;
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, TokenizerDefinition definition)
    {
        json.WriteStartArray("added_tokens");
        foreach ((string name, int id) in definition.SpecialTokens.OrderBy(token => token.Value))
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", name);
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePreTokenizer(Utf8JsonWriter json, PreTokenizer preTokenizer)
    {
        json.WriteStartObject("pre_tokenizer");
        if (preTokenizer is Gpt2PreTokenizer)
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
            json.WriteString("Regex", CodePreTokenizer.Pattern);
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

    private static void WriteModel(Utf8JsonWriter json, TokenizerDefinition definition, string[] spellings)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (int id = 0; id < spellings.Length; id++)
        {
            json.WriteNumber(spellings[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((int left, int right, _) in definition.Merges)
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
