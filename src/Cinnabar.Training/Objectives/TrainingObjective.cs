using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>What a network is trained to say: draws the batches of every optimiser step, each from (seed, step) alone.</summary>
public abstract class TrainingObjective
{
    /// <summary>Name of <see cref="MaskedDiffusionObjective"/> in a configuration.</summary>
    public const string MaskedDiffusion = "masked_diffusion";

    /// <summary>Name of <see cref="AutoregressiveObjective"/> in a configuration.</summary>
    public const string Autoregressive = "autoregressive";

    private readonly TokenDataset _data;

    /// <summary>Prepares drawing.</summary>
    /// <param name="data">Where windows of text come from; at least one sequence long.</param>
    /// <param name="options">Batch sizes, shares and seed.</param>
    /// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
    protected TrainingObjective(TokenDataset data, TrainingOptions options)
    {
        if (data.TokenCount < options.SequenceLength)
        {
            throw new CinnabarException(
                $"The corpus '{options.Corpus}' has {data.TokenCount} training tokens, "
                + $"fewer than one sequence of {options.SequenceLength}.",
                "Give more text, or a smaller sequence_length.");
        }

        _data = data;
        Options = options;
    }

    /// <summary>The settings of the run.</summary>
    protected TrainingOptions Options { get; }

    /// <summary>The objective that <paramref name="options"/> name.</summary>
    /// <param name="options">Valid settings.</param>
    /// <param name="data">The training split.</param>
    /// <param name="tokenizer">What its ids mean.</param>
    /// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
    public static TrainingObjective Create(TrainingOptions options, TokenDataset data, Tokenizer tokenizer) =>
        options.Objective == Autoregressive
            ? new AutoregressiveObjective(data, options, new HoleShapes(tokenizer))
            : new MaskedDiffusionObjective(data, options, new HoleShapes(tokenizer));

    /// <summary>The micro-batches of optimiser step <paramref name="step"/>, each ready for one pass.</summary>
    public abstract IReadOnlyList<TrainingBatch> Draw(int step);

    /// <summary>Where the random choices of a step come from.</summary>
    protected DeterministicRandom RandomOf(int step) => new DeterministicRandom(Options.Seed).Fork((ulong)step);

    /// <summary>Copies a window of the text, any of them equally likely, across documents.</summary>
    protected void ReadWindow(Span<int> window, DeterministicRandom random)
    {
        long start = (long)(random.NextDouble() * (_data.TokenCount - window.Length + 1));
        _data.Read(start, window);
    }
}
