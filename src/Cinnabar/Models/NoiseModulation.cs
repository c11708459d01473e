// What a noise level σ does to the adaptive norms of a diffusion transformer:
//   f = [cos(σ·ω_k), sin(σ·ω_k)],  ω_k = 10000^(−k/128),  k = 0 … 127           [256]
//   c = silu(W_out·silu(W_in·f + b_in) + b_out)                                 [N]
//   of each block   (shift, scale, gate) of attention, (shift, scale, gate) of the feed-forward layer = W·c + b
//   of the head     (shift, scale) = W·c + b
// All in F32: these are few numbers, and each of them reaches every row.
// Source: kuleshov-group/mdlm models/dit.py (TimestepEmbedder after Nichol et al. 2021, GLIDE); specification A.10.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Sets adaptive norms to a noise level. Not thread-safe.</summary>
internal sealed class NoiseModulation
{
    private const double SmallestClean = 1e-3; // ε: share of clean tokens at t = 1
    private const double LongestPeriod = 10_000;

    private readonly Tape _tape;
    private readonly Parameter[] _sigmaMap; // W_in, b_in, W_out, b_out
    private readonly List<(Parameter Weight, Parameter Bias, AdaptiveNorm[] Norms)> _sites = [];
    private readonly Variable _features = new(Tensor.Zeros(1, DiffusionTransformerWeights.NoiseFeatures));
    private double? _sigma;

    /// <summary>Takes the weights of c from all weights by name.</summary>
    public NoiseModulation(KernelTable kernels, Dictionary<string, Parameter> parameters)
    {
        _tape = new Tape(kernels, recording: false, MatMulPrecision.F32);
        _sigmaMap =
        [
            parameters[DiffusionTransformerWeights.SigmaIn],
            parameters[DiffusionTransformerWeights.SigmaInBias],
            parameters[DiffusionTransformerWeights.SigmaOut],
            parameters[DiffusionTransformerWeights.SigmaOutBias],
        ];
    }

    /// <summary>
    /// σ(t) = −ln(1 − (1 − ε)·t), the level at which a token is masked with probability (1 − ε)·t: the log-linear schedule of MDLM and SEDD
    /// with ε = 1e-3.
    /// </summary>
    /// <param name="time">t: 0 … 1.</param>
    public static double SigmaAt(double time) => -Math.Log(1 - ((1 - SmallestClean) * time));

    /// <summary>Adds norms that one product modulates, in the order of its outputs.</summary>
    public void Add(Parameter weight, Parameter bias, params AdaptiveNorm[] norms)
    {
        _tape.Pack(weight, keepValues: false);
        _sites.Add((weight, bias, norms));
    }

    /// <summary>Sets all norms to the noise level <paramref name="sigma"/>, which costs nothing if it is the last one.</summary>
    public void SetTo(double sigma)
    {
        if (_sigma == sigma)
        {
            return;
        }

        _sigma = sigma;
        _tape.Reset();
        WriteFeatures(sigma, _features.Value.Floats);
        Variable condition = Layer(Layer(_features, _sigmaMap[0], _sigmaMap[1]), _sigmaMap[2], _sigmaMap[3]);
        foreach ((Parameter weight, Parameter bias, AdaptiveNorm[] norms) in _sites)
        {
            ReadOnlySpan<float> values = _tape.AddBias(_tape.Linear(condition, weight), bias).Value.Floats;
            foreach (AdaptiveNorm norm in norms)
            {
                norm.Modulate(values[..norm.Modulations]);
                values = values[norm.Modulations..];
            }
        }
    }

    private Variable Layer(Variable x, Parameter weight, Parameter bias)
    {
        Variable y = _tape.AddBias(_tape.Linear(x, weight), bias);
        foreach (ref float value in y.Value.Floats)
        {
            value = (float)(value / (1 + Math.Exp(-value)));
        }

        return y;
    }

    /// <summary>Cosines and sines of a number at all frequencies.</summary>
    internal static void WriteFeatures(double sigma, Span<float> features)
    {
        int half = features.Length / 2;
        for (int k = 0; k < half; k++)
        {
            double angle = sigma * Math.Pow(LongestPeriod, -(double)k / half);
            features[k] = (float)Math.Cos(angle);
            features[half + k] = (float)Math.Sin(angle);
        }
    }
}
