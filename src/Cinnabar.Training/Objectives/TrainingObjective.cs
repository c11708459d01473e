using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>
/// What a network is trained to say: turns clean sequences into the batches of an optimiser step, from (seed, step) alone. One thread at a
/// time, any one.
/// </summary>
/// <param name="source">Where clean sequences come from.</param>
/// <param name="options">Settings of the noise, and the seed.</param>
public abstract class TrainingObjective(SequenceSource source, TrainingOptions options)
{
    /// <summary>Name of <see cref="MaskedDiffusionObjective"/> in a configuration.</summary>
    public const string MaskedDiffusion = "masked_diffusion";

    /// <summary>Name of <see cref="BlockDiffusionObjective"/> in a configuration.</summary>
    public const string BlockDiffusion = "block_diffusion";

    /// <summary>Name of <see cref="AutoregressiveObjective"/> in a configuration.</summary>
    public const string Autoregressive = "autoregressive";

    /// <summary>Name of the autoencoder's objective in a configuration.</summary>
    public const string Autoencoder = "autoencoder";

    /// <summary>Name of the latent denoiser's objective in a configuration.</summary>
    public const string LatentDiffusion = "latent_diffusion";

    private const ulong NoiseStream = 1;

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [MaskedDiffusion, BlockDiffusion, Autoregressive, Autoencoder, LatentDiffusion];

    /// <summary>Whether an objective is about latents.</summary>
    public static bool IsLatent(string objective) => objective is Autoencoder or LatentDiffusion;

    /// <summary>The settings of the run.</summary>
    protected TrainingOptions Options { get; } = options;

    /// <summary>The objective that <paramref name="options"/> name, on sequences that fit it and the corpus.</summary>
    /// <param name="options">Valid settings.</param>
    /// <param name="data">The training split.</param>
    /// <param name="tokenizer">What its ids mean.</param>
    /// <exception cref="CinnabarException">The corpus does not fit the settings.</exception>
    public static TrainingObjective Create(TrainingOptions options, TokenDataset data, Tokenizer tokenizer) =>
        Create(options, SequenceSource.Create(options, data, tokenizer), tokenizer);

    /// <summary>The objective that <paramref name="options"/> name.</summary>
    /// <param name="options">Valid settings.</param>
    /// <param name="source">Where clean sequences come from.</param>
    /// <param name="tokenizer">What its ids mean.</param>
    internal static TrainingObjective Create(TrainingOptions options, SequenceSource source, Tokenizer tokenizer)
    {
        return options.Objective switch
        {
            Autoregressive => new AutoregressiveObjective(source, options),
            BlockDiffusion => new BlockDiffusionObjective(source, options),
            _ => new MaskedDiffusionObjective(source, options, tokenizer.ExpandTokenId),
        };
    }

    /// <summary>The micro-batches of optimiser step <paramref name="step"/>, each ready for one pass.</summary>
    public IReadOnlyList<TrainingBatch> Draw(int step) => Prepare(DrawClean(step), RandomOf(step).Fork(NoiseStream));

    /// <summary>The clean sequences of the same step.</summary>
    internal SequenceDraw DrawClean(int step) => source.Draw(step, RandomOf(step));

    /// <summary>The batches of a step.</summary>
    /// <param name="draw">Its clean sequences, whose ids may be changed.</param>
    /// <param name="noise">Source of times and masks.</param>
    protected abstract IReadOnlyList<TrainingBatch> Prepare(SequenceDraw draw, DeterministicRandom noise);

    private DeterministicRandom RandomOf(int step) => new DeterministicRandom(Options.Seed).Fork((ulong)step);
}
