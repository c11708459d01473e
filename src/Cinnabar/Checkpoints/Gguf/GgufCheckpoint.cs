using System.Text;
using Cinnabar.Chat;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>A model in one GGUF file: configuration, tokenizer and weights.</summary>
internal sealed class GgufCheckpoint : Checkpoint
{
    /// <summary>The key that holds a generation_config.json; no other program writes it.</summary>
    public const string SettingsKey = "cinnabar.generation_config";

    private GgufCheckpoint(string path, ModelConfig config, GenerationConfig settings)
        : base(path, config, settings)
    {
    }

    /// <summary>Whether a file is to be read as GGUF: by its name.</summary>
    public static bool IsGguf(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    /// <summary>The one GGUF file of a folder without config.json, as the hub has them; null: it is another folder, or none.</summary>
    public static string? OnlyFileOf(string folder)
    {
        if (!Directory.Exists(folder) || File.Exists(System.IO.Path.Combine(folder, "config.json")))
        {
            return null;
        }

        string[] files = Directory.GetFiles(folder, "*.gguf");
        return files.Length == 1 ? files[0] : null;
    }

    /// <inheritdoc cref="Checkpoint.Open"/>
    public static new GgufCheckpoint Open(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        string architecture = file.Metadata.Text("general.architecture");
        ModelFamily family = ModelFamilies.All.FirstOrDefault(family => family.GgufArchitecture == architecture)
            ?? throw file.Metadata.Wrong(
                "general.architecture",
                "a supported architecture ("
                + string.Join(", ", ModelFamilies.All.Select(family => family.GgufArchitecture).Where(name => name is not null)) + ")");
        ModelConfig config = family.ReadGguf(file) with { Family = family };
        GgufWeights.Check(file, config);
        GenerationConfig settings = file.Metadata.OptionalText(SettingsKey) is string json
            ? GenerationConfig.Parse($"{path}, {SettingsKey}", Encoding.UTF8.GetBytes(json))
            : new GenerationConfig();
        return new GgufCheckpoint(path, config, settings);
    }

    /// <inheritdoc/>
    public override Tokenizer LoadTokenizer()
    {
        using GgufFile file = GgufFile.Open(Path);
        return Tokenizer.FromVocabulary(VocabularyOf(file.Metadata), Path);
    }

    /// <inheritdoc/>
    public override ChatTemplateFile? LoadChatTemplate()
    {
        using GgufFile file = GgufFile.Open(Path);
        if (file.Metadata.OptionalText("tokenizer.chat_template") is not string template)
        {
            return null;
        }

        GgufVocabulary vocabulary = VocabularyOf(file.Metadata);
        string? TextOf(int? id) => id is int known && known < vocabulary.Tokens.Count ? vocabulary.Tokens[known] : null;
        return ChatTemplateFile.FromGguf(template, TextOf(vocabulary.BosTokenId), TextOf(vocabulary.EosTokenId), Path);
    }

    /// <inheritdoc/>
    public override ModelWeights OpenWeights()
    {
        GgufFile file = GgufFile.Open(Path);
        try
        {
            return new GgufWeights(file, Config);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static GgufVocabulary VocabularyOf(GgufMetadata metadata)
    {
        IReadOnlyList<string> tokens = metadata.Texts("tokenizer.ggml.tokens");
        int? Id(string name) => (int?)metadata.OptionalInteger($"tokenizer.ggml.{name}_token_id", 0, int.MaxValue);
        return new GgufVocabulary
        {
            Model = metadata.Text("tokenizer.ggml.model"),
            Pre = metadata.OptionalText("tokenizer.ggml.pre"),
            Tokens = tokens,
            Scores = metadata.OptionalNumbers("tokenizer.ggml.scores") is double[] scores ? Array.ConvertAll(scores, s => (float)s) : null,
            TokenTypes = metadata.OptionalIntegers("tokenizer.ggml.token_type", int.MinValue, int.MaxValue) is long[] types
                ? Array.ConvertAll(types, type => (int)type)
                : null,
            Merges = metadata.OptionalTexts("tokenizer.ggml.merges"),
            BosTokenId = Id("bos"),
            EosTokenId = Id("eos"),
            PaddingTokenId = Id("padding"),
            MaskTokenId = Id("mask"),
            UnknownTokenId = Id("unknown"),
            HuggingFaceJson = metadata.OptionalText("tokenizer.huggingface.json"),
            AddBos = GgufLayout.AddsBegin(metadata),
            AddEos = metadata.OptionalBoolean("tokenizer.ggml.add_eos_token"),
            AddSpacePrefix = metadata.OptionalBoolean("tokenizer.ggml.add_space_prefix"),
        };
    }
}
