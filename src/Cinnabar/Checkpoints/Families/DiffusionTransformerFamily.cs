using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Checkpoints.Families;

/// <summary>What families of the diffusion transformer have in common: weights, their names, and the network.</summary>
public abstract class DiffusionTransformerFamily : ModelFamily
{
    /// <inheritdoc/>
    internal override string OptionalPrefix => DiffusionTransformerLayout.Prefix;

    internal override IEnumerable<NetworkWeight> Weights(ModelConfig config) => DiffusionTransformerWeights.Expected(config);

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) =>
        DiffusionTransformerLayout.PlaceOf(weight, config);

    internal override bool Ignores(string tensor, ModelConfig config) => DiffusionTransformerLayout.Ignores(tensor);

    internal override IDenoiser CreateNetwork(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision) =>
        DiffusionTransformer.ForInference(config, read, kernels, precision);

    internal override bool DividesIntoLayers => false;
}
