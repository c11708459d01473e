// Text through latents: known text → latents → all other latents denoised together → tokens → text.
//
// A text is laid out in whole latents of s tokens: what is before the hole ends, and what is behind it begins, where a latent does; room
// that is left at the two ends is filled with ends of texts, after which a text may begin anywhere. The hole's text ends at its first end
// of text. With nothing behind the hole it reaches to the end of the context, the length that the network has seen most, and what was not
// asked for is cut off.
using System.Diagnostics;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Tokenizers;

namespace Cinnabar.Latents;

/// <summary>How a text is written through latents.</summary>
public sealed record LatentOptions
{
    /// <summary>How a step is taken. Default <see cref="LatentMethod.DpmSolver"/>.</summary>
    public LatentMethod Method { get; init; } = LatentMethod.DpmSolver;

    /// <summary>Passes through the denoiser, at least 1. Default 25.</summary>
    public int Steps { get; init; } = 25;

    /// <summary>w of classifier-free guidance by the known text; 1, the default: none.</summary>
    public double Guidance { get; init; } = 1;

    /// <summary>Whether latents become their nearest codes before they are decoded, where the model has codes. Default true.</summary>
    public bool UsesCodes { get; init; } = true;

    /// <summary>Decides the noise. Default 0.</summary>
    public ulong Seed { get; init; }
}

/// <summary>A text that was written through latents.</summary>
/// <param name="Text">What stands in the hole.</param>
/// <param name="Ids">Its tokens.</param>
/// <param name="Passes">Passes through the denoiser.</param>
/// <param name="Seconds">Time that denoising and decoding took.</param>
public sealed record LatentResult(string Text, IReadOnlyList<int> Ids, int Passes, double Seconds);

/// <summary>An autoencoder and, if it has one, its denoiser. Not thread-safe.</summary>
public sealed class LatentTextModel
{
    private readonly LatentShape _shape;
    private readonly KernelTable _kernels;
    private readonly LatentAutoencoder _autoencoder;
    private readonly VectorQuantizer? _quantizer;
    private readonly LatentUNet? _denoiser;
    private readonly Tape _tape;

    private LatentTextModel(ModelFolder folder, KernelTable kernels)
    {
        ModelConfig config = folder.Config;
        Dictionary<string, Tensor> weights = folder.Tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value.To(DType.F32));
        (Name, Config, Tokenizer) = (folder.Name, config, folder.LoadTokenizer());
        (_kernels, _shape) = (kernels, config.Latents!);
        _autoencoder = new LatentAutoencoder(config, weights);
        _quantizer = _autoencoder.Codebook is Tensor codebook ? new VectorQuantizer(_shape, codebook, kernels) : null;
        _denoiser = _shape.Denoiser is null ? null : new LatentUNet(config, weights);
        _tape = new Tape(kernels, recording: false);
    }

    /// <summary>What people call it.</summary>
    public string Name { get; }

    /// <summary>Sizes.</summary>
    public ModelConfig Config { get; }

    /// <summary>Text and ids.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Whether it can write, and not only rebuild what it is given.</summary>
    public bool CanWrite => _denoiser is not null;

    /// <summary>Loads a model folder.</summary>
    /// <param name="pathOrName">A folder, or a name under models/.</param>
    /// <param name="kernels">Where it runs; null: this processor.</param>
    /// <exception cref="CinnabarException">It cannot be read, or has no latents.</exception>
    public static LatentTextModel Load(string pathOrName, KernelTable? kernels = null)
    {
        ModelFolder folder = ModelFolder.Open(ModelLocator.Find(pathOrName));
        return folder.Config.Latents is null
            ? throw new CinnabarException(
                $"{folder.Path}: expected a model that writes through latents, found one that denoises tokens.",
                "Use it with `cinnabar generate`, or train one with recipes/stories-latents.json.")
            : new LatentTextModel(folder, kernels ?? KernelTable.Create(threads: null));
    }

    /// <summary>Tokens, through latents and codes, back to tokens.</summary>
    /// <param name="ids">As many as a multiple of s.</param>
    /// <param name="usesCodes">Whether latents become their nearest codes.</param>
    /// <param name="noise">Deviation of the Gaussian noise that is added to the latents. Default 0.</param>
    /// <param name="random">Draws it; may be null without noise.</param>
    /// <returns>The tokens that come back, and the number of each code, latent after latent; none without codes.</returns>
    public (int[] Ids, int[] Codes) Rebuild(
        ReadOnlySpan<int> ids, bool usesCodes = true, double noise = 0, DeterministicRandom? random = null)
    {
        float[] latents = Encode(ids);
        for (int i = 0; noise > 0 && i < latents.Length; i++)
        {
            latents[i] += (float)(noise * random!.NextGaussian());
        }

        return (Decode(latents, usesCodes, out int[] codes), codes);
    }

    /// <summary>Writes between two texts.</summary>
    /// <param name="prefix">What stands before; may be empty.</param>
    /// <param name="suffix">What stands behind; may be empty.</param>
    /// <param name="tokens">Room for the text between them.</param>
    /// <param name="options">How.</param>
    /// <exception cref="CinnabarException">The model cannot write, or the texts do not fit into its context.</exception>
    public LatentResult Write(string prefix, string suffix, int tokens, LatentOptions options)
    {
        if (_denoiser is null)
        {
            throw new CinnabarException(
                "Expected a model with a denoiser of latents, found an autoencoder alone.", "Train one: objective \"latent_diffusion\".");
        }

        (int[] ids, int start, int count) = Layout(prefix, suffix, tokens);
        Stopwatch time = Stopwatch.StartNew();
        float[] latents = Denoise(ids, start, count, options);
        int[] decoded = Decode(latents, options.UsesCodes, out _)[start..(start + Math.Min(tokens, count))];
        int end = Array.FindIndex(decoded, id => id == Config.EosTokenId || id == Config.PadTokenId);
        int[] written = end < 0 ? decoded : decoded[..end];
        int passes = options.Guidance == 1 ? options.Steps : 2 * options.Steps;
        return new LatentResult(Tokenizer.Decode(written), written, passes, time.Elapsed.TotalSeconds);
    }

    // Tokens with padding in the hole, and where the hole is: whole latents, as many as the coarsest level of the denoiser wants.
    private (int[] Ids, int Start, int Count) Layout(string prefix, string suffix, int tokens)
    {
        int step = _shape.Downsampling;
        int[] beginning = Config.BosTokenId is int bos ? [bos] : [];
        int[] before = [.. beginning, .. Tokenizer.Encode(prefix)];
        int[] after = Tokenizer.Encode(suffix);
        (int front, int hole) = (RoundUp(before.Length, step), RoundUp(tokens, step));
        int length = RoundUp(front + hole + RoundUp(after.Length, step), _shape.Unit);
        if (length > Config.MaxSequenceLength)
        {
            throw new CinnabarException(
                $"Expected texts and room of at most {Config.MaxSequenceLength} tokens together, found {before.Length} before, {tokens} "
                + $"between and {after.Length} behind, {length} in whole latents.",
                "Ask for fewer tokens, or give less text.");
        }

        if (after.Length == 0)
        {
            (length, hole) = (Config.MaxSequenceLength, Config.MaxSequenceLength - front);
        }

        int[] ids = new int[length];
        Array.Fill(ids, Config.EosTokenId);
        before.CopyTo(ids.AsSpan(front - before.Length));
        ids.AsSpan(front, hole).Fill(Config.PadTokenId);
        after.CopyTo(ids.AsSpan(front + hole));
        return (ids, front, hole);
    }

    private float[] Denoise(int[] ids, int start, int count, LatentOptions options)
    {
        float[] clean = Encode(ids);
        bool[] known = new bool[ids.Length / _shape.Downsampling];
        Array.Fill(known, true);
        known.AsSpan(start / _shape.Downsampling, count / _shape.Downsampling).Clear();
        GaussianSchedule schedule = _shape.Denoiser!.Schedule;
        ILatentDenoiser denoiser = new LatentDenoiser(_denoiser!, schedule, _kernels, batch: 1, known, clean);
        if (options.Guidance != 1)
        {
            denoiser = new GuidedLatentDenoiser(denoiser, new LatentDenoiser(_denoiser!, schedule, _kernels, batch: 1), options.Guidance);
        }

        float[] latents = new float[clean.Length];
        new LatentSampler(schedule, options.Method, options.Steps).Draw(denoiser, latents, new DeterministicRandom(options.Seed));
        for (int i = 0; i < latents.Length; i++)
        {
            latents[i] = known[i / _shape.Size] ? clean[i] : latents[i];
        }

        return latents;
    }

    private float[] Encode(ReadOnlySpan<int> ids)
    {
        _tape.Reset();
        return _autoencoder.Encode(_tape, ids, batch: 1).Value.Floats.ToArray();
    }

    private int[] Decode(float[] latents, bool usesCodes, out int[] codes)
    {
        _tape.Reset();
        Variable input = _tape.Input(latents, latents.Length / _shape.Size, _shape.Size);
        codes = usesCodes && _quantizer is not null ? _quantizer.Replace(input.Value) : [];
        return _shape.HasCausalDecoder ? Spell(input) : Likeliest(_autoencoder.Decode(_tape, input, batch: 1).Value);
    }

    // The likeliest token after those before it, again and again: a pass over all of them each time, for the decoder is small and texts
    // are short.
    private int[] Spell(Variable latents)
    {
        float[] kept = latents.Value.Floats.ToArray();
        int[] ids = new int[latents.Value.Rows * _shape.Downsampling];
        for (int i = 0; i < ids.Length; i++)
        {
            _tape.Reset();
            Variable input = _tape.Input(kept, kept.Length / _shape.Size, _shape.Size);
            ids[i] = Likeliest(_autoencoder.DecodeCausally(_tape, input, ids.AsSpan(0, i), batch: 1, lastOnly: true).Value)[0];
        }

        return ids;
    }

    private int[] Likeliest(Tensor logits)
    {
        int[] ids = new int[logits.Rows];
        for (int row = 0; row < ids.Length; row++)
        {
            ReadOnlySpan<float> values = logits.Row(row)[..Config.VocabularySize];
            for (int id = 1; id < values.Length; id++)
            {
                ids[row] = values[id] > values[ids[row]] ? id : ids[row];
            }
        }

        return ids;
    }

    private static int RoundUp(int count, int unit) => (count + unit - 1) / unit * unit;
}
