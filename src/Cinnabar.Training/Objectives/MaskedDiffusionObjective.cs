// Masked-diffusion training objective (MDLM, Sahoo et al. 2024, eq. 10; LLaDA, Nie et al. 2025, eq. 3), linear schedule:
//
//   loss = 1/(B·L) · Σ_b w(t_b) · Σ_{i masked} −log f(x_b^i | corrupted x_b),      w(t) = 1/t, a token is masked with probability t
//
// which bounds the negative log-likelihood per token in nats. Normalised over all B·L tokens ("token" normalisation), so a sequence
// counts by what it asks of the network. The times of a batch are those of NoiseSchedule.Times: from ε, low-discrepancy.
//
// A share of the sequences is shaped like use:
//   infill        context, hole, context, hole, …: a hole is a line or a run of tokens followed by end-of-hole padding; only holes
//                 are masked, so that the network learns to fill between given texts and to end before the canvas does;
//   continuation  a clean prefix of random length; only what follows is masked.
// One sequence in a hundred has a random length (LLaDA). Everything about step s derives from (seed, s): a resumed run sees the same.
using Cinnabar.Diffusion;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws corrupted batches for a masked-diffusion model from a corpus.</summary>
public sealed class MaskedDiffusionObjective : TrainingObjective
{
    /// <summary>Share of sequences with holes when a configuration has no infill_share.</summary>
    public const double DefaultInfillShare = 0.25;

    private static readonly LinearSchedule s_schedule = new();

    private readonly HoleShapes _holes;
    private readonly double _infillShare;
    private readonly int _maskTokenId;
    private readonly int _padTokenId;

    /// <summary>Prepares drawing.</summary>
    /// <param name="data">Where windows of text come from; at least one sequence long.</param>
    /// <param name="options">Batch sizes, shares, ε and seed.</param>
    /// <param name="holes">How holes lie in text.</param>
    /// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
    public MaskedDiffusionObjective(TokenDataset data, TrainingOptions options, HoleShapes holes)
        : base(data, options)
    {
        _holes = holes;
        _infillShare = options.InfillShare ?? DefaultInfillShare;
        _maskTokenId = options.ModelConfig.MaskTokenId;
        _padTokenId = options.ModelConfig.PadTokenId;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TrainingBatch> Draw(int step)
    {
        DeterministicRandom random = RandomOf(step);
        int length = Options.SequenceLength;
        double[] times = NoiseSchedule.Times(Options.BatchSize, random, Options.NoiseEpsilon);
        int micro = Options.MicroBatchSize;
        List<TrainingBatch> batches = [];
        for (int first = 0; first < Options.BatchSize; first += micro)
        {
            int[] ids = new int[micro * length];
            int[] valid = new int[micro];
            List<int> rows = [];
            List<int> targets = [];
            List<float> scales = [];
            for (int b = 0; b < micro; b++)
            {
                // 1. Clean tokens, and which of them may be masked.
                Span<int> sequence = ids.AsSpan(b * length, length);
                (valid[b], bool[] maskable) = DrawClean(sequence, random);

                // 2. Time of the sequence; the strata are dealt to micro-batches like cards so that each sees all levels of noise.
                double t = times[(first / micro) + (b * (Options.BatchSize / micro))];

                // 3. Mask maskable tokens with the probability of the time; each becomes a row of the loss with the time's weight.
                float scale = (float)(s_schedule.Weight(t) / Options.BatchSize / length);
                int[] clean = sequence.ToArray();
                int[] positions = [.. Enumerable.Range(0, valid[b]).Where(i => maskable[i])];
                foreach (int i in Corruption.Mask(sequence, positions, s_schedule.MaskProbability(t), _maskTokenId, random))
                {
                    rows.Add((b * length) + i);
                    targets.Add(clean[i]);
                    scales.Add(scale);
                }
            }

            batches.Add(new TrainingBatch(ids, micro, valid, [.. rows], [.. targets], [.. scales]));
        }

        return batches;
    }

    private (int Valid, bool[] Maskable) DrawClean(Span<int> sequence, DeterministicRandom random)
    {
        ReadWindow(sequence, random);
        int valid = sequence.Length;
        if (random.NextDouble() < Options.RandomLengthShare)
        {
            valid = 1 + random.NextInt(sequence.Length);
            sequence[valid..].Fill(_padTokenId);
        }

        double shape = random.NextDouble();
        bool[] maskable = new bool[sequence.Length];
        if (shape < _infillShare)
        {
            _holes.Dig(sequence[..valid], maskable, random);
        }
        else
        {
            int prefix = shape < _infillShare + Options.ContinuationShare ? random.NextInt(valid) : 0;
            maskable.AsSpan(prefix..valid).Fill(true);
        }

        return (valid, maskable);
    }
}
