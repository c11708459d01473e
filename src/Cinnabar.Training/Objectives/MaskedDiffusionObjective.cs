// Masked-diffusion training objective (MDLM, Sahoo et al. 2024, eq. 10; LLaDA, Nie et al. 2025, eq. 3), linear schedule:
//
//   loss = 1/N · Σ_b w(t_b) · Σ_{i masked} φ(−log f(x_b^i | corrupted x_b)),     a wanted token is masked with probability t
//
//   w(t) = 1/t      "elbo": bounds the negative log-likelihood per token in nats, with φ(c) = c
//   w(t) = 1 − t    "linear": for planning (MGDM, Ye et al. 2024, "Beyond Autoregression", whose T − t of T levels this is): what can
//                   already be told counts most, not the guesses of an empty canvas
//   φ(c) = (1 − e^−c)^γ · c    γ = focal_gamma > 0 turns to the tokens that are still hard (MGDM's token reweighting; γ = 0: plain).
//                   MGDM's constant factor α and its division by the number of masked tokens are left out: AdamW undoes the one, and the
//                   other would weigh steps by chance.
//
// N are the tokens that count: all of the windows' (so a sequence counts by what it asks of the network), or the wanted ones of examples.
// The times of a batch are those of NoiseSchedule.Times, from noise_epsilon to max_mask_rate, low-discrepancy, dealt to the sequences at
// random.
using Cinnabar.Diffusion;

namespace Cinnabar.Training.Objectives;

/// <summary>Corrupts sequences for a masked-diffusion network.</summary>
/// <param name="source">Where clean sequences come from.</param>
/// <param name="options">Noise settings and seed.</param>
public sealed class MaskedDiffusionObjective(SequenceSource source, TrainingOptions options) : TrainingObjective(source, options)
{
    private readonly int _maskTokenId = options.ModelConfig.MaskTokenId;

    /// <inheritdoc/>
    protected override IReadOnlyList<TrainingBatch> Prepare(SequenceDraw draw, DeterministicRandom noise)
    {
        NoiseTimes times = new(Options, draw.Batches.Sum(batch => batch.Batch), noise);
        List<TrainingBatch> batches = [];
        foreach (SequenceBatch batch in draw.Batches)
        {
            int length = batch.Length;
            List<int> rows = [];
            List<int> targets = [];
            List<float> scales = [];
            int[] clean = [.. batch.Ids];
            for (int b = 0; b < batch.Batch; b++)
            {
                // Each masked token becomes a row of the loss with the weight of its sequence's time.
                double t = times.Next();
                float scale = (float)(times.WeightOf(t) / draw.Counted);
                int start = b * length;
                int[] wanted = [.. Enumerable.Range(start, length).Where(i => batch.Wanted[i])];
                foreach (int i in Corruption.Mask(batch.Ids, wanted, t, _maskTokenId, noise))
                {
                    rows.Add(i);
                    targets.Add(clean[i]);
                    scales.Add(scale);
                }
            }

            batches.Add(new TrainingBatch(batch.Ids, batch.Batch, batch.ValidLengths, [.. rows], [.. targets], [.. scales]));
        }

        return batches;
    }
}
