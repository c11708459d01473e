using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

/// <summary>
/// Tells latents of text from guessed ones: two transformer blocks of the denoiser's width, then one number for each latent. It serves
/// training alone and is no part of a model.
/// </summary>
public sealed class LatentDiscriminator
{
    private const string Prefix = "discriminator.";
    private const string In = "model.transformer.in.weight";
    private const string Out = "model.transformer.out.weight";
    private const int Layers = 2;

    private readonly ModelConfig _config;
    private readonly Dictionary<string, Parameter> _byName;
    private readonly TransformerBlock[] _blocks;
    private readonly RotaryTable _angles;

    /// <summary>Builds the network.</summary>
    /// <param name="config">With latents and a denoiser.</param>
    /// <param name="weights">By name, those of <see cref="Expected"/> among them.</param>
    public LatentDiscriminator(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights)
    {
        _config = ConfigOf(config);
        Parameters = [.. Expected(config).Select(weight => new Parameter(weight.Name, weights[weight.Name]))];
        _byName = Parameters.ToDictionary(parameter => parameter.Name[Prefix.Length..]);
        _blocks = [.. Enumerable.Range(0, Layers).Select(i => new TransformerBlock(_config, _byName, i))];
        _angles = new RotaryTable(_config);
    }

    /// <summary>The trained tensors.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Every tensor with its shape.</summary>
    public static IEnumerable<NetworkWeight> Expected(ModelConfig config)
    {
        ModelConfig own = ConfigOf(config);
        yield return new(Prefix + In, [own.HiddenSize, config.Latents!.Size], "in");
        foreach (NetworkWeight weight in LladaWeightNames.Expected(own).Where(w => w.Block is not null || w.Part == "ln_f"))
        {
            yield return weight with { Name = Prefix + weight.Name };
        }

        yield return new(Prefix + Out, [1, own.HiddenSize], "out");
    }

    /// <summary>How much each latent looks like text.</summary>
    /// <param name="tape">Recording.</param>
    /// <param name="latents">[B·n, d].</param>
    /// <param name="batch">B.</param>
    /// <returns>[B·n, 1].</returns>
    public Variable Scores(Tape tape, Variable latents, int batch)
    {
        int length = latents.Value.Rows / batch;
        AttentionShape shape =
            new(batch, length, _config.NumAttentionHeads, _config.NumKeyValueHeads, _config.HeadSize, AttentionKind.Full);
        Variable h = tape.Linear(latents, _byName[In]);
        foreach (TransformerBlock block in _blocks)
        {
            h = block.Forward(tape, h, shape, _angles.For(length), length, pass: null);
        }

        return tape.RmsNormLinear(h, _byName[LladaWeightNames.FinalNorm], (float)_config.RmsNormEps, _byName[Out])[0];
    }

    private static ModelConfig ConfigOf(ModelConfig config) => LatentWeights.BlocksOf(config) with { NumHiddenLayers = Layers };
}
