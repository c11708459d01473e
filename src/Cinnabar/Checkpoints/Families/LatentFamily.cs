// Cinnabar's own models that write through latents: an autoencoder and, once it is trained, a network that denoises its latents.
using Cinnabar.Latents;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>Models with latents.</summary>
public sealed class LatentFamily : ModelFamily
{
    internal const string Architecture = "CinnabarLatentModel";
    internal const string ModelType = "cinnabar_latents";

    /// <inheritdoc/>
    public override string Name => "latents";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [(Architecture, ModelType)];

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        source.Json.RequireOnly("rope", "true", required: true, "whether positions are rotations");
        ModelConfig config = ModelConfigJson.Read(source.Json, Architecture, ModelType);
        JsonSettings latents = source.Json.Member(LatentShape.ConfigKey)
            ?? throw source.Json.Wrong(LatentShape.ConfigKey, "an object with the shape of the latents", "none");
        return config with { Latents = LatentShape.Read(latents, config) };
    }

    internal override IEnumerable<NetworkWeight> Weights(ModelConfig config) => LatentWeights.Expected(config);

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => new(weight.Name);

    internal override bool Ignores(string tensor, ModelConfig config) => false;

    internal override NoiseKind Noise => NoiseKind.Gaussian;

    internal override SamplerOptions Defaults(ModelConfig config) => new() { Steps = LatentRuns.StandardSteps };

    internal override IDenoiser CreateNetwork(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision) =>
        new LatentTextDenoiser(config, read, kernels, precision);

    internal override bool DividesIntoLayers => false;
}
