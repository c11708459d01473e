// A model as a GGUF file with the keys and tensor names of llama.cpp's converters (specification A.11): matrices in the type asked for,
// norms, biases and routers in F32. Matrices whose rows are no whole blocks of a quantised type become F16, as llama-quantize does it.
// Rows of the embedding table above the vocabulary, which stand for no id, are left out.
// Integers of the source are multiplied with their scales first.
//
// Of arch "llada" add_bos_token is true, as llama.cpp's converter writes it whatever the model says. LLaDA's own programs put nothing
// before a text, so where the folder names no such token cinnabar.add_bos_token says false, which Cinnabar heeds before the other key.
using System.Text;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;
using Pair = System.Collections.Generic.KeyValuePair<string, Cinnabar.Checkpoints.Gguf.GgufValue>;

namespace Cinnabar.Checkpoints.Conversion;

/// <summary>Writes models as GGUF files.</summary>
public static class GgufExport
{
    // Of the layouts of blocks (ggml.h, GGML_QNT_VERSION).
    private const uint QuantizationVersion = 2;

    /// <summary>Writes a GGUF file atomically, one tensor at a time.</summary>
    /// <param name="source">The model, of a family that has a GGUF architecture and with a byte-level BPE tokenizer.</param>
    /// <param name="path">The file, which must not exist.</param>
    /// <param name="type">F32, F16, BF16, Q8_0 or Q4_0; null: the one that is nearest to what most weights are stored as.</param>
    /// <param name="progress">Told after each tensor, or null.</param>
    /// <returns>The type of the matrices, and sentences about what the file does not keep.</returns>
    /// <exception cref="CinnabarException">The model cannot be a GGUF file, the file exists, or it could not be written.</exception>
    public static (GgmlType Type, IReadOnlyList<string> Notes) Write(
        Checkpoint source, string path, GgmlType? type = null, IProgress<WritingProgress>? progress = null)
    {
        ModelConfig config = source.Config with { EmbeddingSize = source.Config.VocabularySize, Quantization = null };
        RequireLayout(source, config);
        NewPath.Require(path);
        List<string> notes = [];
        List<Pair> tokenizer = [.. TokenizerKeys(source, config, path, notes)];
        using ModelWeights weights = source.OpenWeights();
        GgmlType chosen = type ?? StoredAs(weights, config);
        List<string> fallbacks = [];
        GgufTensorSource[] tensors =
        [
            .. PlacedTensor.All(config, config.Family.GgufPlaceOf).Select(tensor => new GgufTensorSource(
                tensor.Name, TypeOf(tensor, chosen, fallbacks), tensor.Shape, tensor.Parts(weights))),
        ];
        if (fallbacks.Count > 0)
        {
            notes.Add($"the rows of {fallbacks.Count} tensors are no whole blocks of {chosen}; they are F16: {ErrorText.Some(fallbacks)}");
        }

        Pair[] metadata =
        [
            Key("general.architecture", config.Family.GgufArchitecture!),
            Key("general.name", Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source.Path)))),
            .. Families.GgufLayout.Write(config),
            Key("general.file_type", FileType(chosen)),
            Key("general.quantization_version", QuantizationVersion),
            .. tokenizer,
            .. SettingsOf(source, notes),
        ];
        GgufWriter.Write(path, metadata, tensors, progress);
        return (chosen, notes);
    }

    /// <summary>The type that holds most of the weights; see <see cref="ModelWeights.NearestType"/>.</summary>
    internal static GgmlType StoredAs(ModelWeights weights, ModelConfig config) => config.Family.Weights(config)
        .GroupBy(weights.NearestType, weight => weight.Shape.Aggregate(1L, (product, size) => product * size))
        .MaxBy(group => group.Sum())!.Key;

    private static void RequireLayout(Checkpoint source, ModelConfig config)
    {
        if (!config.Family.Converts)
        {
            string known = string.Join(", ", ModelFamilies.All.Where(family => family.Converts).Select(family => family.Name));
            throw new CinnabarException(
                $"{source.Path}: expected a model of a family that is written as GGUF ({known}), "
                + $"found {config.Family.Name}.",
                "Such a model runs from its folder.");
        }

        if (config.LearnedPositions)
        {
            throw new CinnabarException(
                $"{source.Path}: expected rotary positions, as the GGUF architecture {config.Family.GgufArchitecture} has them, "
                + "found learned ones.",
                "Such a model runs from its folder.");
        }

        if (config.AttentionKind != Numerics.Kernels.AttentionKind.Full)
        {
            throw new CinnabarException(
                $"{source.Path}: expected full attention, as the GGUF architecture {config.Family.GgufArchitecture} has it, "
                + $"found {config.AttentionKind}.",
                "Such a model runs from its folder.");
        }

        ModelConfig read = config.Family.InGguf(config);
        if (FolderExport.Switches(read) != FolderExport.Switches(config))
        {
            throw new CinnabarException(
                $"{source.Path}: expected a network that the GGUF architecture {config.Family.GgufArchitecture} can describe, "
                + $"found {FolderExport.Switches(config)} where it means {FolderExport.Switches(read)}.",
                "Such a model runs from its folder.");
        }
    }

    // How the model decodes, under a key of our own.
    private static IEnumerable<Pair> SettingsOf(Checkpoint source, List<string> notes)
    {
        if (source.LoadLengthBias() is not null)
        {
            notes.Add($"{LengthBias.FileName} is not kept: a GGUF file has no place for it");
        }

        string settings = Encoding.UTF8.GetString(source.GenerationConfig.ToJson());
        return source.GenerationConfig with { PassedOver = null } == new GenerationConfig() ? [] : [Key(GgufCheckpoint.SettingsKey, settings)];
    }

    private static IEnumerable<Pair> TokenizerKeys(Checkpoint source, ModelConfig config, string path, List<string> notes)
    {
        Tokenizer tokenizer = source.LoadTokenizer();
        if (tokenizer.VocabularySize > config.VocabularySize)
        {
            throw new CinnabarException(
                $"{source.Path}: expected a tokenizer of at most {config.VocabularySize} tokens (vocab_size of the network), "
                + $"found {tokenizer.VocabularySize}.",
                "Use the tokenizer that belongs to the model.");
        }

        (GgufVocabulary vocabulary, string? note) =
            GgufVocabularyWriter.Write(tokenizer.Definition, config.VocabularySize, source.Path);
        Tokenizer.FromVocabulary(vocabulary with { HuggingFaceJson = null }, path); // nothing is saved that cannot be loaded
        if (note is not null)
        {
            notes.Add(note);
        }

        if (config.AlsoEndText.Count > 1)
        {
            notes.Add($"a GGUF file names one id that ends a turn; of {string.Join(", ", config.AlsoEndText)} the first is kept");
        }

        return KeysOf(vocabulary, config, tokenizer.Definition.SpecialIds.BeginOfText, source.LoadChatTemplate()?.Template.Text);
    }

    private static IEnumerable<Pair> KeysOf(GgufVocabulary vocabulary, ModelConfig config, int? begin, string? chatTemplate)
    {
        yield return Key("tokenizer.ggml.model", vocabulary.Model);
        yield return Key("tokenizer.ggml.pre", vocabulary.Pre!);
        yield return Key("tokenizer.ggml.tokens", vocabulary.Tokens.ToArray());
        yield return Key("tokenizer.ggml.token_type", vocabulary.TokenTypes!.ToArray());
        yield return Key("tokenizer.ggml.merges", vocabulary.Merges!.ToArray());
        if ((config.BosTokenId ?? begin) is int bos)
        {
            yield return Key("tokenizer.ggml.bos_token_id", (uint)bos);
        }

        yield return Key("tokenizer.ggml.eos_token_id", (uint)config.EosTokenId);
        if (config.AlsoEndText is [int turn, ..])
        {
            yield return Key("tokenizer.ggml.eot_token_id", (uint)turn);
        }

        yield return Key("tokenizer.ggml.padding_token_id", (uint)config.PadTokenId);
        yield return Key("tokenizer.ggml.mask_token_id", (uint)config.MaskTokenId);
        bool isAlways = config.Family is LladaFamily && begin is not null;
        yield return Key("tokenizer.ggml.add_bos_token", isAlways || config.BosTokenId is not null);
        if (isAlways && config.BosTokenId is null)
        {
            yield return Key(Families.GgufLayout.BeginKey, false);
        }

        if (chatTemplate is not null)
        {
            yield return Key("tokenizer.chat_template", chatTemplate);
        }

        if (vocabulary.HuggingFaceJson is string json)
        {
            yield return Key("tokenizer.huggingface.json", json);
        }
    }

    private static GgmlType TypeOf(PlacedTensor tensor, GgmlType asked, List<string> fallbacks)
    {
        if (!tensor.First.MayRound)
        {
            return GgmlType.F32;
        }

        if (tensor.Shape[^1] % asked.BlockSize() == 0)
        {
            return asked;
        }

        fallbacks.Add(tensor.Name);
        return GgmlType.F16;
    }

    // The numbers of llama.h, enum llama_ftype.
    private static uint FileType(GgmlType type) => type switch
    {
        GgmlType.F32 => 0,
        GgmlType.F16 => 1,
        GgmlType.Q4_0 => 2,
        GgmlType.Q8_0 => 7,
        GgmlType.BF16 => 32,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Files of this type are not written."),
    };

    private static Pair Key(string key, object value) => new(key, new GgufValue(value));
}
