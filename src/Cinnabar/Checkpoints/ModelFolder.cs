// A model as a folder in the manner of Hugging Face. Only these files are ever opened or written, whatever else lies there:
//   config.json             the shape of the model                      needed
//   tokenizer.json          text ↔ ids                                  needed
//   model.safetensors       the weights, or model.safetensors.index.json and the files it names      needed
//                           where there is neither, the only *.safetensors if it is no adapter
//   chat_template.jinja, tokenizer_config.json                           optional
//   generation_config.json  recommended sampling settings               optional
//   length_bias.json        how sure the network is of holes of a wrong length (Sampling/LengthBias.cs)      optional
//   README.md               the model card                              written, never read
// Weights in .bin or .pt are Python pickles, which can run code when loaded: they are refused, there is no switch for it. Nothing in the
// folder is ever executed.
using System.Text;
using Cinnabar.Chat;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints;

/// <summary>A loaded model folder.</summary>
public sealed class ModelFolder : Checkpoint
{
    private const string ConfigFile = "config.json";
    private const string GenerationConfigFile = "generation_config.json";
    internal const string TokenizerFile = "tokenizer.json";
    private const string WeightsFile = SafetensorsFolder.SingleFile;
    private const string ModelCardFile = "README.md";

    private static readonly string[] s_unsafeExtensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    private IReadOnlyDictionary<string, Tensor>? _tensors;

    private ModelFolder(string path, ModelConfig config, GenerationConfig generation)
        : base(path, config, generation)
    {
    }

    /// <summary>
    /// The weights of the network by name, F32, BF16, Int8 or Int4. Read when first asked for, then kept.
    /// </summary>
    /// <exception cref="CinnabarException">As <see cref="OpenWeights"/>, or a matrix of integers has a negative scale.</exception>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors ??= ReadAll();

    /// <summary>The files of a model that belong to its text, not to its network.</summary>
    internal static IReadOnlyList<string> TextFiles { get; } =
    [
        GenerationConfigFile, TokenizerFile, "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "merges.txt", LengthBias.FileName,
    ];

    /// <summary>Path of the weights or of their index.</summary>
    internal string WeightsPath => In(Path, WeightsIn(Path) ?? WeightsFile);

    /// <summary>Path of tokenizer.json, which exists but was not read.</summary>
    public string TokenizerPath => System.IO.Path.Combine(Path, TokenizerFile);

    /// <summary>Opens a folder, reads its configuration, and checks names, shapes and types of its weights.</summary>
    /// <exception cref="CinnabarException">A file is missing, damaged or not supported, or weights and configuration differ.</exception>
    public static new ModelFolder Open(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new CinnabarException(
                $"Expected the path of a model folder, found {ErrorText.Quote(path)}.", "Give the path of a folder.");
        }

        AtomicFolder.Recover(path);
        if (!Directory.Exists(path))
        {
            throw new CinnabarException(
                $"{path}: expected a model folder, found {(File.Exists(path) ? "a file" : "nothing")}.", "Check the path.");
        }

        RequireFiles(path);
        ModelConfig config = ModelConfig.Load(In(path, ConfigFile));
        string generation = In(path, GenerationConfigFile);
        bool hasSettings = File.Exists(generation) && config.Family.HeedsGenerationConfig;
        ModelFolder folder = new(path, config, hasSettings ? GenerationConfig.Load(generation) : new GenerationConfig());
        folder.OpenWeights().Dispose();
        return folder;
    }

    /// <inheritdoc/>
    public override ModelWeights OpenWeights() => SafetensorsWeights.Open(WeightsPath, Config);

    /// <inheritdoc/>
    public override ChatTemplateFile? LoadChatTemplate() => ChatTemplateFile.Load(Path);

    /// <inheritdoc/>
    public override LengthBias? LoadLengthBias() =>
        In(Path, LengthBias.FileName) is string file && File.Exists(file) ? LengthBias.Load(file) : null;

    /// <inheritdoc/>
    public override Tokenizer LoadTokenizer() => Tokenizer.Load(TokenizerPath);

    /// <summary>Writes a model folder as one step; see <see cref="AtomicFolder"/>.</summary>
    /// <param name="path">The folder; an existing one is replaced if it holds nothing but files of a model.</param>
    /// <param name="config">Shape of the model.</param>
    /// <param name="tensors">All weights by name; rounded to BF16, or matrices to integers where the configuration says so.</param>
    /// <param name="tokenizerJson">Bytes of tokenizer.json.</param>
    /// <param name="generationConfig">Recommended sampling settings; null: none.</param>
    /// <param name="modelCard">Markdown of the model card.</param>
    /// <exception cref="CinnabarException">The folder holds something else or could not be written; the old one is unchanged.</exception>
    /// <exception cref="ArgumentException">The tensors are not those of <paramref name="config"/>.</exception>
    public static void Save(
        string path,
        ModelConfig config,
        IReadOnlyDictionary<string, Tensor> tensors,
        byte[] tokenizerJson,
        GenerationConfig? generationConfig,
        string modelCard)
    {
        byte[] configJson = config.ToJson();
        byte[]? generationJson = generationConfig?.ToJson();
        List<(string Name, Tensor Value)> weights = WeightsToWrite(config, tensors);
        RefuseForeignFiles(path);

        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write(ConfigFile, configJson);
        folder.Write(TokenizerFile, tokenizerJson);
        folder.Write(ModelCardFile, Encoding.UTF8.GetBytes(modelCard));
        if (generationJson is not null)
        {
            folder.Write(GenerationConfigFile, generationJson);
        }

        SafetensorsTensorSource[] sources = [.. weights.Select(weight => new SafetensorsTensorSource(weight.Name, weight.Value))];
        SafetensorsFolder.Write(folder, sources, progress: null, shardBytes: long.MaxValue);
        folder.Commit();
    }

    /// <summary>config.json for a copy in another folder, with what only the name of this one says.</summary>
    internal JsonSettings SettingsForCopy()
    {
        JsonSettings settings = JsonSettings.Load(In(Path, ConfigFile), "the shape of the model");
        string block = SettingsText.ValueOf(Config.AttentionBlockSize);
        return Config.AttentionBlockIsAssumed
            ? JsonSettings.Parse(settings.File, SettingsText.With(settings, SdarFamily.BlockKey, block))
            : settings;
    }

    private Dictionary<string, Tensor> ReadAll()
    {
        using ModelWeights weights = OpenWeights();
        return Config.Family.Weights(Config).ToDictionary(weight => weight.Name, weight => weights.Read(weight.Name));
    }

    private static string In(string folder, string file) => System.IO.Path.Combine(folder, file);

    private static void RequireFiles(string path)
    {
        Require(ConfigFile, "the shape of the model", "Fetch it from where the model came from.");
        if (WeightsIn(path) is null)
        {
            RefuseOtherWeights(path);
            Require(WeightsFile, "the weights", "Fetch it from where the model came from, or export the model in safetensors format.");
        }

        if (!VocabularyFiles.Exist(path))
        {
            Require(
                TokenizerFile,
                "the tokenizer, which turns text into ids",
                "Fetch it from where the model came from, or save it with the tokenizers library.");
        }

        void Require(string file, string purpose, string remedy)
        {
            if (!File.Exists(In(path, file)))
            {
                throw new CinnabarException($"{path}: expected the file {file} ({purpose}), found none.", remedy);
            }
        }
    }

    // The usual names first.
    private static string? WeightsIn(string path) => File.Exists(In(path, WeightsFile)) ? WeightsFile
        : File.Exists(In(path, SafetensorsIndex.FileName)) ? SafetensorsIndex.FileName
        : SafetensorsFolder.OnlyWeightsAmong(FilesOf(path));

    private static void RefuseOtherWeights(string path)
    {
        string[] files = FilesOf(path);
        string[] others = [.. files.Where(SafetensorsFolder.IsSafetensors)];
        if (others.Length > 0)
        {
            throw new CinnabarException(
                $"{path}: expected the weights in {WeightsFile}, or in several files and {SafetensorsIndex.FileName}, "
                + $"found {ErrorText.Some(others)}.",
                Array.TrueForAll(others, SafetensorsFolder.IsAdapter)
                    ? "An adapter alone cannot be loaded: take the whole model."
                    : "Fetch what is missing from where the model came from.");
        }

        string? pickle = files.FirstOrDefault(
            file => s_unsafeExtensions.Contains(System.IO.Path.GetExtension(file), StringComparer.OrdinalIgnoreCase));
        if (pickle is not null)
        {
            throw new CinnabarException(
                $"{path}: expected the weights in {WeightsFile}, found {ErrorText.Quote(pickle)}, " +
                "an unsafe format that can run code and is never loaded.",
                "Convert it where it was made: load the model in Python and save it with save_pretrained(..., safe_serialization=True).");
        }
    }

    private static string[] FilesOf(string path)
    {
        try
        {
            return [.. new DirectoryInfo(path).EnumerateFileSystemInfos().Select(entry => entry.Name).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException($"{path}: expected a readable folder, found: {e.Message}", "Check that this user may read it.", e);
        }
    }

    private static List<(string Name, Tensor Value)> WeightsToWrite(ModelConfig config, IReadOnlyDictionary<string, Tensor> tensors)
    {
        List<(string Name, Tensor Value)> weights = [];
        foreach (NetworkWeight weight in config.Family.Weights(config))
        {
            (string name, int[] shape) = weight;
            if (!tensors.TryGetValue(name, out Tensor? value) || !value.Shape.SequenceEqual(shape))
            {
                throw new ArgumentException(
                    $"Expected a tensor {name} of shape [{string.Join(", ", shape)}], found {value?.ShapeText() ?? "none"}.",
                    nameof(tensors));
            }

            DType type = SafetensorsWeights.TypeOf(config, weight);
            if (!type.IsInteger())
            {
                weights.Add((name, value.Type == type ? value : value.To(type)));
                continue;
            }

            Tensor written = value.Quantize(type, config.Quantization!.GroupOf(shape[1]));
            weights.Add((type == DType.Int4 ? LladaWeightNames.PackedOf(name) : name, written));
            weights.Add((LladaWeightNames.ScalesOf(name), written.Scales!.View(shape[0], written.Scales.Count / shape[0])));
        }

        int expected = config.Family.Weights(config).Count();
        return expected == tensors.Count
            ? weights
            : throw new ArgumentException($"Expected {expected} tensors, found {tensors.Count}.", nameof(tensors));
    }

    /// <summary>Refuses to replace a folder that holds anything but files of a model: all of it is deleted after the swap.</summary>
    /// <exception cref="CinnabarException">It does.</exception>
    internal static void RefuseForeignFiles(string path)
    {
        string? foreign = Directory.Exists(path)
            ? FilesOf(path).FirstOrDefault(file => file is not (ConfigFile or ModelCardFile or LengthBias.FileName)
                && !TextFiles.Contains(file) && !SafetensorsFolder.IsWeights(file))
            : null;
        if (foreign is not null)
        {
            throw new CinnabarException(
                $"{path}: expected an empty or new folder or one that holds only a model, found {ErrorText.Quote(foreign)}.",
                "Save to another folder, or move that file away.");
        }
    }
}
