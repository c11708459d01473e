// MDLM (Sahoo et al. 2024): a diffusion transformer with full attention, logits of the same position. Published models have
// time_conditioning false. One position a step in random order is first-hitting sampling (Zheng et al. 2024), the ancestral sampler of the
// continuous process without its empty steps: which position is next is uniform, and without time conditioning when does not matter.
// Facts: kuleshov-group/mdlm; specification A.10, B.9, B.10.
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>MDLM.</summary>
public sealed class MdlmFamily : DiffusionTransformerFamily
{
    /// <inheritdoc/>
    public override string Name => "mdlm";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [("MDLM", "mdlm")];

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        int vocabulary = json.Int32("vocab_size", "number of token ids", 2, DiffusionTransformerLayout.MaxVocabulary);
        return DiffusionTransformerLayout.Read(source, json, vocabulary, "hidden_dim", "model_length") with
        {
            NoiseConditioning = DiffusionTransformerLayout.ReadConditioning(json),
        };
    }

    internal override SamplerOptions Defaults(ModelConfig config) => new() { Remasking = Remasking.Random, Temperature = 1 };
}
