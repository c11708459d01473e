// A GGUF file as a folder in the manner of Hugging Face:
//   config.json             in the keys of the family (ModelFamily.WriteConfig)
//   tokenizer.json          of a byte-level vocabulary, or the one that the file brings (tokenizer.huggingface.json)
//   tokenizer_config.json   names of special tokens, and the chat template if there is one
//   model*.safetensors      weights under the family's names; norms, biases and routers keep F32
// Numbers that GGUF holds in single precision (the ε of norms, the base of rotary frequencies) are written with as many digits as that has.
// Source of tokenizer_config.json: transformers, PreTrainedTokenizerFast.
using System.Globalization;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints.Conversion;

/// <summary>Writes models as folders with safetensors files.</summary>
public static class FolderExport
{
    /// <summary>Writes a folder atomically, one tensor at a time.</summary>
    /// <param name="source">A GGUF file.</param>
    /// <param name="path">The folder, which must not exist.</param>
    /// <param name="type">F32, F16 or BF16; null: as most weights are stored, BF16 for integers.</param>
    /// <param name="progress">Told after each tensor, or null.</param>
    /// <returns>The type of the matrices.</returns>
    /// <exception cref="CinnabarException">It is no GGUF file, config.json or tokenizer.json cannot express the model, something is there
    /// already, or it could not be written.</exception>
    public static SafetensorsDType Write(
        Checkpoint source, string path, SafetensorsDType? type = null, IProgress<WritingProgress>? progress = null)
    {
        if (source is not GgufCheckpoint)
        {
            throw new CinnabarException(
                $"{source.Path}: expected a GGUF file to make a folder of, found a folder.", "Give a GGUF file, or convert to GGUF.");
        }

        if (!source.Config.Family.Converts)
        {
            throw new CinnabarException(
                $"{source.Path}: expected a model of a family that can be written as a folder, found {source.Config.Family.Name}.",
                "Run the model from its GGUF file.");
        }

        NewPath.Require(path);
        ModelConfig config = source.Config with
        {
            RmsNormEps = Shortest(source.Config.RmsNormEps),
            RopeTheta = Shortest(source.Config.RopeTheta),
        };
        Tokenizer tokenizer = source.LoadTokenizer();
        byte[] tokenizerJson = TokenizerWriter.ToJson(tokenizer.Definition);
        TokenizerReader.Parse("the tokenizer.json to be saved", tokenizerJson); // nothing is saved that cannot be loaded
        byte[] tokenizerConfig = TokenizerConfigOf(source, tokenizer);
        using ModelWeights weights = source.OpenWeights();
        SafetensorsDType chosen = type ?? SafetensorsDTypeNames.NearestTo(GgufExport.StoredAs(weights, config));
        byte[] configJson = ConfigOf(source, config, chosen);

        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write("config.json", configJson);
        folder.Write("tokenizer.json", tokenizerJson);
        folder.Write("tokenizer_config.json", tokenizerConfig);
        if (source.GenerationConfig != new GenerationConfig())
        {
            folder.Write("generation_config.json", source.GenerationConfig.ToJson());
        }

        SafetensorsFolder.Write(
            folder,
            [
                .. PlacedTensor.All(config, config.Family.PlaceOf).Select(tensor => new SafetensorsTensorSource(
                    tensor.Name,
                    tensor.First.MayRound ? chosen : SafetensorsDType.F32,
                    tensor.Shape,
                    tensor.Parts(weights))),
            ],
            progress);
        folder.Commit();
        return chosen;
    }

    private static double Shortest(double number) => number == (float)number
        ? double.Parse(((float)number).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
        : number;

    private static byte[] ConfigOf(Checkpoint source, ModelConfig config, SafetensorsDType type)
    {
        string dtype = type switch
        {
            SafetensorsDType.F32 => "\"float32\"",
            SafetensorsDType.F16 => "\"float16\"",
            _ => "\"bfloat16\"",
        };
        byte[] json = SettingsText.With(
            JsonSettings.Parse("config.json", config.Family.WriteConfig(config)), "torch_dtype", dtype);
        ModelConfig read = ModelConfig.Parse("config.json", json);
        if (Switches(read) != Switches(config))
        {
            throw new CinnabarException(
                $"{source.Path}: expected a network that config.json of the family {config.Family.Name} can describe, "
                + $"found {Switches(config)} where it means {Switches(read)}.",
                "Run the model from its GGUF file.");
        }

        return json;
    }

    /// <summary>What decides about the network besides sizes, as text.</summary>
    internal static string Switches(ModelConfig config) => string.Create(
        CultureInfo.InvariantCulture,
        $"heads of {config.HeadSize}, {config.RotaryDimensions} of them rotating, shift_logits {config.ShiftLogits}, "
        + $"norms of heads {config.QueryKeyNorm}, biases {config.QueryKeyValueBias}, experts {config.Experts?.ToString() ?? "none"}");

    private static byte[] TokenizerConfigOf(Checkpoint source, Tokenizer tokenizer)
    {
        SpecialTokenIds ids = tokenizer.Definition.SpecialIds;
        SortedDictionary<string, string> values = new(StringComparer.Ordinal)
        {
            ["clean_up_tokenization_spaces"] = "false",
            ["model_max_length"] = SettingsText.ValueOf(source.Config.MaxSequenceLength),
            ["tokenizer_class"] = "\"PreTrainedTokenizerFast\"",
        };
        (string Key, int? Id)[] special =
            [("bos_token", ids.BeginOfText), ("eos_token", ids.EndOfText), ("mask_token", ids.Mask), ("pad_token", ids.Padding)];
        foreach ((string key, int? id) in special)
        {
            if (tokenizer.Definition.AddedTokens.All.FirstOrDefault(token => token.Id == id) is AddedToken token)
            {
                values[key] = SettingsText.ValueOf(token.Content);
            }
        }

        if (source.LoadChatTemplate() is { } template)
        {
            values["chat_template"] = SettingsText.ValueOf(template.Template.Text);
        }

        return SettingsText.ObjectOf(values);
    }
}
