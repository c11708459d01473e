// SEDD with absorbing noise (Lou et al. 2024): the diffusion transformer with the noise level always told. It was trained to give scores,
// which are turned into the distribution of the clean token that samplers here draw from. At a masked position, with v any token but the
// mask M and o the output of the head:
//   the network says    ln s_v = o_v − ln(e^σ − 1) − ln(V − 1)                    the last two make the output of order 0 (scale_by_sigma)
//   a score is          s_v = p_t(x with v for M) / p_t(x) = e^−σ/(1 − e^−σ) · p(x_0 = v | the tokens that stand)
//   so                  p(x_0 = v | …) = (e^σ − 1)·s_v = e^{o_v}/(V − 1)           and Σ_v p = 1 makes it softmax of o without M
// The first two lines differ by constants of the row only, so the logits are o itself, whatever scale_by_sigma says. The one deviation: the
// sum over v, which training brings near 1, is made 1. The analytic sampler of the reference (Tweedie τ-leaping) then is the ancestral one:
// it takes v with (e^Δ − 1)·s_v = (e^Δ − 1)/(e^σ − 1)·p_v, the share (move_t − move_s)/move_t of p_v.
//
// The configuration is that of the training program, with the sizes under "model" and neither architectures nor model_type.
// Facts: louaaron/Score-Entropy-Discrete-Diffusion; Ou et al. 2024 (RADD) for the second line; specification A.10, B.11.
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>SEDD.</summary>
public sealed class SeddFamily : DiffusionTransformerFamily
{
    /// <inheritdoc/>
    public override string Name => "sedd";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [];

    internal override bool Recognizes(JsonSettings json) =>
        !json.Has("architectures") && !json.Has("model_type") && json.Has("tokens") && json.Member("graph") is not null;

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        json.Member("graph")!.RequireOnly("type", "\"absorb\"", required: true, "the kind of noise");
        json.Member("noise")?.RequireOnly("type", "\"loglinear\"", required: true, "how noise grows with time");
        JsonSettings sizes = json.Member("model") ?? throw json.Wrong("model", "an object with the sizes of the network", "none");
        int vocabulary = json.Int32("tokens", "number of token ids without the mask", 1, DiffusionTransformerLayout.MaxVocabulary) + 1;
        return DiffusionTransformerLayout.Read(source, sizes, vocabulary, "hidden_size", "length") with
        {
            NoiseConditioning = DiffusionTransformerLayout.ReadConditioning(sizes) with { IsTold = true },
        };
    }

    internal override SamplerOptions Defaults(ModelConfig config) => new() { Remasking = Remasking.Random, Temperature = 1 };
}
