// RND1: Qwen3-30B-A3B turned into a diffusion model: experts renormalised over the chosen, norms of q and k heads, full attention,
// shifted logits.
// Facts: RadicalNumerics/RND1; specification A.9.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>RND1.</summary>
public sealed class Rnd1Family : ModelFamily
{
    private const int PublishedMask = 151_669;

    /// <inheritdoc/>
    public override string Name => "rnd1";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [("RND1LM", "rnd1"), ("RND1", "rnd1")];

    /// <inheritdoc/>
    public override string GgufArchitecture => "rnd1";

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        json.RequireOnly("attention_bias", "false", required: false, "biases of queries, keys and values");
        json.RequireOnly("decoder_sparse_step", "1", required: false, "which blocks have experts");
        json.RequireOnly("mlp_only_layers", "[]", required: false, "which blocks have no experts");
        return QwenLayout.Read(source, source.Id(["mask_token_id"], ["<|mask|>"], PublishedMask), intermediateKey: null) with
        {
            QueryKeyNorm = true,
            ShiftLogits = true,
            Experts = QwenLayout.ReadExperts(json) with { Renormalize = json.OptionalBoolean("norm_topk_prob") ?? true },
        };
    }

    internal override byte[] WriteConfig(ModelConfig config) => SettingsText.ObjectOf(QwenLayout.Write(config));

    internal override ModelConfig ReadGguf(GgufFile file) => InGguf(
        GgufLayout.Read(file, shiftByDefault: true, maskOtherwise: null) with { Experts = GgufLayout.ReadExperts(file) });

    internal override ModelConfig InGguf(ModelConfig config) =>
        config with { QueryKeyNorm = true, Experts = config.Experts! with { Renormalize = true } };

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        Remasking = Remasking.Entropy, Transfer = Transfer.Timestep,
    };
}
