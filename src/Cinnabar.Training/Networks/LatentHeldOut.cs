// Bits per byte of held-out text, decoded
//
//   of an autoencoder      from its own latents' codes: what the detour through latents loses
//   of a latent denoiser   from x̂ of one pass, at times spread evenly over the windows, nothing known: no likelihood, but it falls as x̂
//                          comes nearer to a text
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Networks;

/// <summary>Measures the averaged weights of a latent model.</summary>
internal sealed class LatentHeldOut : IHeldOutMeasure
{
    private const ulong Seed = 20_261_126;

    private readonly TrainingOptions _options;
    private readonly LatentShape _shape;
    private readonly LatentAutoencoder _autoencoder;
    private readonly LatentUNet? _denoiser;
    private readonly VectorQuantizer? _quantizer;
    private readonly Tokenizer _tokenizer;
    private readonly TokenDataset _heldOut;
    private readonly Tape _tape;

    /// <summary>Opens the validation split.</summary>
    public LatentHeldOut(TrainingOptions options, IReadOnlyDictionary<string, Tensor> averages, Tokenizer tokenizer, KernelTable kernels)
    {
        ModelConfig config = options.ModelConfig;
        (_options, _shape, _tokenizer) = (options, config.Latents!, tokenizer);
        _autoencoder = new LatentAutoencoder(config, averages);
        _denoiser = _shape.Denoiser is null ? null : new LatentUNet(config, averages);
        _quantizer = _autoencoder.Codebook is Tensor codebook ? new VectorQuantizer(_shape, codebook, kernels) : null;
        _heldOut = TokenDataset.Open(options.Corpus, "validation");
        _tape = new Tape(kernels, recording: false);
    }

    /// <inheritdoc/>
    public bool HasText => _heldOut.TokenCount >= _options.SequenceLength;

    /// <inheritdoc/>
    public double? BitsPerByte()
    {
        if (!HasText)
        {
            return null;
        }

        foreach (Parameter parameter in _autoencoder.Parameters.Concat(_denoiser?.Parameters ?? []))
        {
            parameter.Changed();
        }

        List<int[]> windows = _heldOut.Windows(_options.SequenceLength, _options.EvaluationWindows);
        double nats = 0;
        for (int i = 0; i < windows.Count; i++)
        {
            nats += Nats(windows[i], (i + 0.5) / windows.Count);
        }

        return nats / Math.Max(1, windows.Sum(window => window.Sum(id => (long)_tokenizer.ByteLength(id)))) / Math.Log(2);
    }

    private double Nats(int[] window, double time)
    {
        _tape.Reset();
        Variable latents = _autoencoder.Encode(_tape, window, batch: 1);
        if (_denoiser is not null)
        {
            bool[] known = new bool[latents.Value.Rows];
            NoisyLatents noisy = NoisyLatents.Draw(
                latents.Value.Floats.ToArray(), known, [time], _shape.Denoiser!.Schedule, new DeterministicRandom(Seed));
            Variable velocity = _denoiser.Velocity(_tape, noisy.Noisy, new float[noisy.Noisy.Length], noisy.Known, [time]);
            noisy.CleanOf(velocity.Value.Floats).CopyTo(latents.Value.Floats);
        }

        _quantizer?.Replace(latents.Value);
        Variable logits = _autoencoder.Logits(_tape, latents, window, batch: 1);
        double sum = 0;
        foreach (float loss in _tape.CrossEntropy(logits, window, new float[window.Length]).Floats[..window.Length])
        {
            sum += loss;
        }

        return sum;
    }
}
