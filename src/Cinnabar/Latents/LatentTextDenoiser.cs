// An autoencoder and what denoises its latents, as the network of a model: texts become latents, latents of known text and noise become
// clean ones (LatentRun takes the steps), and latents are spelled.
//
// A parallel decoder says every token at once. A causal one says the likeliest token after those before it, known ones among them, again
// and again.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

/// <summary>A network whose noise is Gaussian, on latents of texts. Not thread-safe.</summary>
public sealed class LatentTextDenoiser : IDenoiser
{
    private readonly ModelConfig _config;
    private readonly KernelTable _kernels;
    private readonly MatMulPrecision _precision;
    private readonly LatentAutoencoder _autoencoder;
    private readonly VectorQuantizer? _quantizer;
    private readonly LatentUNet? _network;
    private readonly Tape _tape;

    /// <summary>Builds the networks.</summary>
    /// <param name="config">With latents.</param>
    /// <param name="read">Gives a weight by its name.</param>
    /// <param name="kernels">Where they run.</param>
    /// <param name="precision">What products round their operands to.</param>
    internal LatentTextDenoiser(ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision)
    {
        Dictionary<string, Tensor> weights = LatentWeights.Expected(config)
            .ToDictionary(weight => weight.Name, weight => read(weight.Name).To(DType.F32));
        (_config, _kernels, _precision) = (config, kernels, precision);
        _autoencoder = new LatentAutoencoder(config, weights);
        _quantizer = _autoencoder.Codebook is Tensor codebook ? new VectorQuantizer(Shape, codebook, kernels) : null;
        _network = Shape.Denoiser is null ? null : new LatentUNet(config, weights);
        _tape = new Tape(kernels, recording: false, precision);
    }

    /// <inheritdoc/>
    public int VocabularySize => _config.VocabularySize;

    /// <inheritdoc/>
    public int MaxLength => _config.MaxSequenceLength;

    /// <inheritdoc/>
    public int MaskTokenId => _config.MaskTokenId;

    /// <inheritdoc/>
    public NoiseKind Noise => NoiseKind.Gaussian;

    /// <summary>How tokens become latents.</summary>
    public LatentShape Shape => _config.Latents!;

    /// <summary>Whether it can write, and not only rebuild what it is given.</summary>
    public bool CanWrite => _network is not null;

    /// <summary>What the decoder says of a text after its latents: how likely each token comes back.</summary>
    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        int step = Shape.Downsampling;
        int[] whole = new int[(ids.Length + step - 1) / step * step];
        Array.Fill(whole, _config.EosTokenId);
        ids.CopyTo(whole);
        _tape.Reset();
        Tensor all = _autoencoder.Logits(_tape, _autoencoder.Encode(_tape, whole, batch: 1), whole, batch: 1).Value;
        Tensor logits = Tensor.Zeros(rows.Length, VocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            all.Row(rows[i])[..VocabularySize].CopyTo(logits.Row(i));
        }

        return logits;
    }

    /// <summary>Tokens, through latents and codes, back to tokens.</summary>
    /// <param name="ids">As many as a multiple of s.</param>
    /// <param name="raw">Whether latents stay as they are, instead of becoming their nearest codes.</param>
    /// <param name="noise">Deviation of the Gaussian noise that is added to the latents. Default 0.</param>
    /// <param name="random">Draws it; may be null without noise.</param>
    /// <returns>The tokens that come back, and the number of each code, latent after latent; none without codes.</returns>
    public (int[] Ids, int[] Codes) Rebuild(
        ReadOnlySpan<int> ids, bool raw = false, double noise = 0, DeterministicRandom? random = null)
    {
        float[] latents = Encode(ids);
        for (int i = 0; noise > 0 && i < latents.Length; i++)
        {
            latents[i] += (float)(noise * random!.NextGaussian());
        }

        int[] rebuilt = new int[ids.Length];
        int[] codes = Spell(latents, rebuilt, .., raw, new SpelledTokens(VocabularySize), new float[ids.Length]);
        return (rebuilt, codes);
    }

    /// <summary>The latents of a text.</summary>
    /// <param name="ids">As many as a multiple of s.</param>
    internal float[] Encode(ReadOnlySpan<int> ids)
    {
        _tape.Reset();
        return _autoencoder.Encode(_tape, ids, batch: 1).Value.Floats.ToArray();
    }

    /// <summary>Where a canvas with one hole stands among latents.</summary>
    internal LatentLayout LayoutOf(Canvas canvas) => LatentLayout.Of(canvas, _config);

    /// <summary>What denoises latents of which some are known.</summary>
    /// <param name="known">n.</param>
    /// <param name="clean">n·d: the known ones, anything elsewhere.</param>
    /// <param name="guidance">w of classifier-free guidance by what is known; 1: none.</param>
    internal ILatentDenoiser Knowing(bool[] known, float[] clean, double guidance)
    {
        GaussianSchedule schedule = Shape.Denoiser!.Schedule;
        LatentDenoiser told = new(_network!, schedule, _kernels, batch: 1, known, clean, _precision);
        if (guidance == 1)
        {
            return told;
        }

        LatentDenoiser untold = new(_network!, schedule, _kernels, batch: 1, precision: _precision);
        return new GuidedLatentDenoiser(told, untold, guidance, known, Shape.Size);
    }

    /// <summary>
    /// Gives latents the size of the encoder's, a root mean square of 1 in each part: codes were chosen for such latents, and the decoder
    /// was trained on them.
    /// </summary>
    /// <param name="latents">n·d, changed in place.</param>
    internal void Rescale(Span<float> latents)
    {
        _tape.Reset();
        Variable given = _tape.Input(latents, latents.Length / Shape.Size, Shape.Size);
        _autoencoder.Normalised(_tape, given).Value.Floats[..latents.Length].CopyTo(latents);
    }

    /// <summary>Spells latents.</summary>
    /// <param name="latents">n·d; they become their codes, unless they stay raw.</param>
    /// <param name="ids">n·s: known tokens, but for those that are spelled.</param>
    /// <param name="where">Which.</param>
    /// <param name="raw">Whether latents stay as they are, instead of becoming their nearest codes.</param>
    /// <param name="words">Which tokens may be written.</param>
    /// <param name="confidence">Receives the probability of each token that is spelled.</param>
    /// <returns>The number of each code, latent after latent; none without codes.</returns>
    /// <exception cref="CinnabarException">The network returned NaN.</exception>
    internal int[] Spell(float[] latents, Span<int> ids, Range where, bool raw, SpelledTokens words, Span<float> confidence)
    {
        _tape.Reset();
        Variable input = _tape.Input(latents, latents.Length / Shape.Size, Shape.Size);
        int[] codes = raw || _quantizer is null ? [] : _quantizer.Replace(input.Value);
        (int start, int count) = where.GetOffsetAndLength(ids.Length);
        if (!Shape.HasCausalDecoder)
        {
            Tensor logits = _autoencoder.Decode(_tape, input, batch: 1).Value;
            for (int i = 0; i < count; i++)
            {
                (ids[start + i], confidence[i]) = words.Likeliest(logits.Row(start + i), i);
            }

            return codes;
        }

        CausalSpelling spelling = _autoencoder.BeginSpelling(_tape, input, start + count);
        for (int i = 0; i < count; i++)
        {
            _tape.Reset();
            Tensor next = _autoencoder.NextLogits(_tape, spelling, ids[..(start + i)]);
            (ids[start + i], confidence[i]) = words.Likeliest(next.Row(0), i);
        }

        return codes;
    }
}
