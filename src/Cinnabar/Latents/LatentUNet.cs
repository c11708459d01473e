// The network that denoises latents: a U-Net whose levels are transformer blocks. B sequences of n latents of d numbers, C width.
//
//   h = in(z) + before(x̂ of the step before) + known[flag]              [B·n, C]
//   τ = out(silu(gate(f)) ∘ up(f)),  f = cosines and sines of 1000 t     [B, C]
//   level l on the way down:  each block on h + time_l(τ);  keep h as skip_l;  two neighbouring rows side by side → down.l    [B·n/2, C]
//   coarsest level:           its blocks
//   level l on the way up:    up.l, a row becomes two;  h += skip.l(skip_l);  its other blocks
//   v̂ = out(RMSNorm(h))                                                  [B·n, d]
//
// A latent that is known (a prefix, a suffix, or both) enters clean, with flag 1; what the network says of it is not looked at. So one
// network continues, fills in and, told of nothing, writes freely, which guidance needs.
// Sources: U-Net (Ronneberger et al. 2015); skip connections between transformer blocks help latent diffusion of text (LD4LG); the time as
// a shift in every block instead of LD4LG's scale and shift. Known latents as clean rows: our own, as masked diffusion does with tokens.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

/// <summary>The denoiser over given weights. Not thread-safe.</summary>
public sealed class LatentUNet
{
    private const double TimeScale = 1000;

    private readonly ModelConfig _blocksConfig;
    private readonly LatentDenoiserShape _shape;
    private readonly TransformerBlock[] _blocks;
    private readonly Dictionary<string, Parameter> _byName;
    private readonly Parameter[] _blockTimes;
    private readonly RotaryTable _angles;

    /// <summary>Builds the network.</summary>
    /// <param name="config">With latents and a denoiser.</param>
    /// <param name="weights">By name, those of <see cref="LatentWeights.OfDenoiser"/> among them; F32.</param>
    public LatentUNet(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights)
    {
        (_shape, Size) = (config.Latents!.Denoiser!, config.Latents.Size);
        _blocksConfig = LatentWeights.BlocksOf(config);
        Parameters = [.. LatentWeights.OfDenoiser(config).Select(weight => new Parameter(weight.Name, weights[weight.Name]))];
        _byName = Parameters.ToDictionary(parameter => parameter.Name[LatentWeights.DenoiserPrefix.Length..]);
        _blocks = [.. Enumerable.Range(0, _shape.BlockCount).Select(i => new TransformerBlock(_blocksConfig, _byName, i))];
        _blockTimes = [.. Enumerable.Range(0, _shape.BlockCount).Select(i => _byName[LladaWeightNames.OfBlock(i, "time")])];
        _angles = new RotaryTable(_blocksConfig);
    }

    /// <summary>The trained tensors, in checkpoint order.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>d: numbers of a latent.</summary>
    public int Size { get; }

    /// <summary>Guesses v.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="noisy">z: B·n·d numbers, clean where known.</param>
    /// <param name="before">x̂ of the step before, as many; zeros in the first one.</param>
    /// <param name="known">B·n: which latents are known.</param>
    /// <param name="times">t of each sequence: [B].</param>
    /// <returns>v̂: [B·n, d].</returns>
    public Variable Velocity(
        Tape tape, ReadOnlySpan<float> noisy, ReadOnlySpan<float> before, ReadOnlySpan<bool> known, ReadOnlySpan<double> times)
    {
        int rows = known.Length;
        int[] flags = new int[rows];
        for (int row = 0; row < rows; row++)
        {
            flags[row] = known[row] ? 1 : 0;
        }

        Variable time = Time(tape, times);
        Variable h = tape.Linear(tape.Input(noisy, rows, Size), Weight("in"));
        h = tape.Add(h, tape.Linear(tape.Input(before, rows, Size), Weight("before")));
        h = tape.Add(h, tape.Embedding(Weight("known"), flags));
        int next = 0;
        List<Variable> skips = [];
        int last = _shape.Layers.Count - 1;
        for (int level = 0; level < last; level++)
        {
            h = Run(tape, h, time, times.Length, ref next, _shape.Layers[level]);
            skips.Add(h);
            h = tape.Linear(tape.View(h, h.Value.Rows / 2, 2 * _shape.HiddenSize), Weight($"down.{level}"));
        }

        h = Run(tape, h, time, times.Length, ref next, _shape.Layers[last]);
        for (int level = last - 1; level >= 0; level--)
        {
            h = tape.View(tape.Linear(h, Weight($"up.{level}")), 2 * h.Value.Rows, _shape.HiddenSize);
            h = tape.Add(h, tape.Linear(skips[level], Weight($"skip.{level}")));
            h = Run(tape, h, time, times.Length, ref next, _shape.Layers[level]);
        }

        return tape.RmsNormLinear(h, Weight("ln_f"), (float)_blocksConfig.RmsNormEps, Weight("out"))[0];
    }

    private Variable Time(Tape tape, ReadOnlySpan<double> times)
    {
        float[] features = new float[times.Length * DiffusionTransformerWeights.NoiseFeatures];
        for (int i = 0; i < times.Length; i++)
        {
            Span<float> row = features.AsSpan(i * DiffusionTransformerWeights.NoiseFeatures, DiffusionTransformerWeights.NoiseFeatures);
            NoiseModulation.WriteFeatures(TimeScale * times[i], row);
        }

        Variable f = tape.Input(features, times.Length, DiffusionTransformerWeights.NoiseFeatures);
        ReadOnlySpan<Variable> gateUp = tape.Linear(f, [Weight("time.gate"), Weight("time.up")]);
        return tape.SwiGluLinear(gateUp[0], gateUp[1], Weight("time.out"));
    }

    private Variable Run(Tape tape, Variable h, Variable time, int batch, ref int next, int count)
    {
        int length = h.Value.Rows / batch;
        AttentionShape shape = new(
            batch,
            length,
            _shape.NumAttentionHeads,
            _shape.NumAttentionHeads,
            _shape.HiddenSize / _shape.NumAttentionHeads,
            AttentionKind.Full);
        int[] sequences = [.. Enumerable.Range(0, h.Value.Rows).Select(row => row / length)];
        RotaryAngles angles = _angles.For(length);
        for (int i = 0; i < count; i++, next++)
        {
            int mark = tape.Mark();
            h = tape.Add(h, tape.SelectRows(tape.Linear(time, _blockTimes[next]), sequences));
            h = _blocks[next].Forward(tape, h, shape, angles, length, pass: null);
            tape.ReleaseSince(mark);
        }

        return h;
    }

    private Parameter Weight(string part) => _byName[LatentWeights.Denoiser(part)[LatentWeights.DenoiserPrefix.Length..]];
}
