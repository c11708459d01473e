// What one family of checkpoints calls things, how its configuration is read, and how it decodes. A family is one file beside this one.
//
//   config.json ─▶ ReadConfig ─▶ ModelConfig ─▶ Weights ─▶ PlaceOf (name and rows in the file) ─▶ CreateNetwork
//
// Dispatch is on architectures[0] and model_type together: LLaDA-MoE says model_type "llada", and some files lack one of the two.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>One family of open diffusion language models.</summary>
public abstract class ModelFamily
{
    /// <summary>What people call it.</summary>
    public abstract string Name { get; }

    /// <summary>The pairs of architectures[0] and model_type in config.json that are of this family.</summary>
    public abstract IReadOnlyList<(string Architecture, string ModelType)> Kinds { get; }

    /// <summary>The built-in chat template for models that bring none; null: there is none.</summary>
    public virtual string? ChatTemplate => null;

    /// <summary>The value of general.architecture in GGUF files of this family; null: no GGUF layout is known.</summary>
    public virtual string? GgufArchitecture => null;

    /// <summary>Whether models of this family can be converted between folders and GGUF files.</summary>
    internal virtual bool Converts => GgufArchitecture is not null;

    /// <summary>What stands before every tensor name in some safetensors files of this family; null: in none.</summary>
    internal virtual string? OptionalPrefix => null;

    /// <summary>Whether a config.json is of this family.</summary>
    internal virtual bool Recognizes(JsonSettings json) =>
        Kinds.Contains((json.FirstText("architectures") ?? "", json.OptionalText("model_type") ?? ""));

    /// <summary>Reads config.json.</summary>
    /// <param name="source">The file and the tokens beside it.</param>
    /// <exception cref="CinnabarException">A value is missing, wrong or not supported.</exception>
    internal abstract ModelConfig ReadConfig(ConfigSource source);

    /// <summary>Writes the config.json that <see cref="ReadConfig"/> reads; asked for where there is a GGUF layout.</summary>
    /// <exception cref="CinnabarException">The values do not fit together.</exception>
    internal virtual byte[] WriteConfig(ModelConfig config) => throw new NotSupportedException($"No config.json of {Name} is written.");

    /// <summary>Every weight of the network.</summary>
    internal virtual IEnumerable<NetworkWeight> Weights(ModelConfig config) => LladaWeightNames.Expected(config);

    /// <summary>A configuration with what only the names of the tensors in safetensors files tell.</summary>
    /// <param name="config">What config.json says.</param>
    /// <param name="has">Whether the files have a tensor of that name, <see cref="OptionalPrefix"/> left out.</param>
    internal virtual ModelConfig InSafetensors(ModelConfig config, Func<string, bool> has) => config;

    /// <summary>Where a weight lies in the safetensors files of this family, <see cref="OptionalPrefix"/> left out.</summary>
    internal abstract WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config);

    /// <summary>Reads the metadata of a GGUF file of <see cref="GgufArchitecture"/>.</summary>
    /// <exception cref="CinnabarException">A value is missing, wrong or not supported.</exception>
    internal virtual ModelConfig ReadGguf(GgufFile file) => throw new NotSupportedException($"No GGUF layout of {Name} is known.");

    /// <summary>
    /// A configuration with the switches that <see cref="ReadGguf"/> takes for granted, as a GGUF file does not say them.
    /// </summary>
    internal virtual ModelConfig InGguf(ModelConfig config) => config;

    /// <summary>Where a weight lies in GGUF files of this family.</summary>
    internal virtual WeightPlace GgufPlaceOf(NetworkWeight weight, ModelConfig config) =>
        GgufLayout.PlaceOf(weight, config, hasRotaryPairs: false);

    /// <summary>Whether <see cref="ReadGguf"/> makes something of a tensor that no weight is read from.</summary>
    internal virtual bool KnowsInGguf(string tensor) => false;

    /// <summary>Whether a tensor that no weight is read from may lie in the files of this family.</summary>
    internal virtual bool Ignores(string tensor, ModelConfig config) =>
        tensor.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || (config.WeightTying && tensor == "lm_head.weight");

    /// <summary>Builds the network for inference.</summary>
    /// <param name="config">Sizes and switches.</param>
    /// <param name="read">Reads a weight by its <see cref="NetworkWeight.Name"/>; called once for each, in order.</param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="precision">Rounding of matrix-product operands.</param>
    internal virtual IDenoiser CreateNetwork(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision) =>
        TransformerDenoiser.ForInference(config, read, kernels, precision);

    /// <summary>
    /// Whether its networks are blocks one behind the other that know nothing of each other, so that each may be on another machine.
    /// </summary>
    internal virtual bool DividesIntoLayers => true;

    /// <summary>
    /// Whether generation_config.json is about diffusion: false where checkpoints carry that of the autoregressive model before.
    /// </summary>
    internal virtual bool HeedsGenerationConfig => true;

    /// <summary>What noise is to its networks.</summary>
    internal virtual NoiseKind Noise => NoiseKind.Mask;

    /// <summary>How models of this family decode unless told otherwise, before what generation_config.json sets.</summary>
    internal virtual SamplerOptions Defaults(ModelConfig config) => new();
}
