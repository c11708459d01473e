using Cinnabar.Chat;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Checkpoints.Hub;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints;

/// <summary>A model on disk: a folder in the manner of Hugging Face, or a GGUF file.</summary>
public abstract class Checkpoint
{
    private protected Checkpoint(string path, ModelConfig config, GenerationConfig generationConfig)
    {
        Path = path;
        Config = config;
        GenerationConfig = generationConfig;
    }

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>What people call it: the name of the folder or file, or org/name of a model in the cache of the hub.</summary>
    public string Name => HubCache.RepositoryOf(Path) ?? System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(Path));

    /// <summary>Shape of the model.</summary>
    public ModelConfig Config { get; }

    /// <summary>Recommended sampling settings; all null if it brings none.</summary>
    public GenerationConfig GenerationConfig { get; }

    /// <summary>How it samples unless told otherwise: the family's way, overridden by <see cref="GenerationConfig"/>.</summary>
    public SamplerOptions DefaultOptions => ModelReading.Options(GenerationConfig, Config);

    /// <summary>Opens a folder or a GGUF file, reads its configuration, and checks names, shapes and types of its weights.</summary>
    /// <exception cref="CinnabarException">A file is missing, damaged or not supported, or weights and configuration differ.</exception>
    public static Checkpoint Open(string path)
    {
        bool isGguf = File.Exists(path) && GgufCheckpoint.IsGguf(path);
        string? inFolder = GgufCheckpoint.OnlyFileOf(path);
        return isGguf ? GgufCheckpoint.Open(path) : inFolder is not null ? GgufCheckpoint.Open(inFolder) : ModelFolder.Open(path);
    }

    /// <summary>Reads the tokenizer.</summary>
    /// <exception cref="CinnabarException">It is missing, damaged or not supported.</exception>
    public abstract Tokenizer LoadTokenizer();

    /// <summary>The chat template that it brings, or null.</summary>
    /// <exception cref="CinnabarException">The template cannot be read or is not in the supported language.</exception>
    public abstract ChatTemplateFile? LoadChatTemplate();

    /// <summary>The chat template that it brings, or else its family's if the tokenizer has the tokens of that; null: none.</summary>
    /// <param name="tokenizer">Of this model.</param>
    /// <exception cref="CinnabarException">The template cannot be read or is not in the supported language.</exception>
    public ChatTemplateFile? ChatTemplateFor(Tokenizer tokenizer) => LoadChatTemplate() ?? ModelReading.BuiltInTemplate(Config, tokenizer);

    /// <summary>How sure its network is of holes of a wrong length, or null: it does not say.</summary>
    /// <exception cref="CinnabarException">The file cannot be read or is damaged.</exception>
    public virtual LengthBias? LoadLengthBias() => null;

    /// <summary>Opens the weights, to be read one after the other by whoever does not want to hold all of them.</summary>
    /// <exception cref="CinnabarException">They are missing or damaged, or do not belong to the configuration.</exception>
    public abstract ModelWeights OpenWeights();
}
