// Open-dCoder: Qwen2.5-Coder-0.5B continued with full attention, shifted logits and a mask token of its own. It calls itself qwen2, as
// the autoregressive models do; what tells them apart is the mask token.
// Facts: pengzhangzhi/Open-dLLM; specification table 0.
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>Open-dCoder.</summary>
public sealed class OpenDcoderFamily : ModelFamily
{
    /// <inheritdoc/>
    public override string Name => "open-dcoder";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [("Qwen2ForCausalLM", "qwen2")];

    /// <inheritdoc/>
    public override string ChatTemplate => "chatml";

    internal override bool HeedsGenerationConfig => false;

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        int mask = source.Id(["mask_token_id"], ["<M>", "<|mask|>", "<|MASK|>", "[MASK]"], otherwise: null);
        return QwenLayout.Read(source, mask) with { QueryKeyValueBias = true, ShiftLogits = true };
    }

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        Remasking = Remasking.Entropy, Transfer = Transfer.Timestep,
    };
}
