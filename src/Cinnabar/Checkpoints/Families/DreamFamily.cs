// Dream-7B, DiffuCoder, Dream-Coder and DreamOn: the body of Qwen2.5 with full attention and shifted logits; biases on q, k, v.
// Facts: HKUNLP/Dream, apple/ml-diffucoder, DreamLM/DreamOn; specification A.4, B.2.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>Dream.</summary>
public sealed class DreamFamily : ModelFamily
{
    private const int PublishedMask = 151_666;

    /// <inheritdoc/>
    public override string Name => "dream";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [("DreamModel", "Dream"), ("DreamModel", "dream")];

    /// <inheritdoc/>
    public override string ChatTemplate => "chatml";

    /// <inheritdoc/>
    public override string GgufArchitecture => "dream";

    // Published files name the end of text in bos_token_id; what texts begin with is a token of its own.
    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        ModelConfig config = QwenLayout.Read(source, source.Id(["mask_token_id"], ["<|mask|>"], PublishedMask));
        int? named = source.Json.OptionalInt32("bos_token_id", 0, int.MaxValue);
        return config with
        {
            QueryKeyValueBias = true,
            ShiftLogits = true,
            BosTokenId = source.TokenId("<|beginoftext|>") ?? (named == config.EosTokenId ? null : named),
        };
    }

    internal override byte[] WriteConfig(ModelConfig config) => SettingsText.ObjectOf(QwenLayout.Write(config));

    internal override ModelConfig ReadGguf(GgufFile file) => InGguf(GgufLayout.Read(file, shiftByDefault: true, maskOtherwise: null));

    internal override ModelConfig InGguf(ModelConfig config) => config with { QueryKeyValueBias = true };

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    // The recommendation for Dream-Instruct.
    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        Remasking = Remasking.Entropy, Transfer = Transfer.Timestep, Temperature = 0.2, TopP = 0.95,
    };
}
