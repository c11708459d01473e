using Cinnabar.Checkpoints.Families;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>A model in one GGUF file: configuration, tokenizer and weights.</summary>
internal sealed class GgufCheckpoint : Checkpoint
{
    private GgufCheckpoint(string path, ModelConfig config)
        : base(path, config, new GenerationConfig())
    {
    }

    /// <summary>Whether a file is to be read as GGUF: by its name.</summary>
    public static bool IsGguf(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

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
        return new GgufCheckpoint(path, config);
    }

    /// <inheritdoc/>
    public override Tokenizer LoadTokenizer() => throw new NotImplementedException();

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
}
