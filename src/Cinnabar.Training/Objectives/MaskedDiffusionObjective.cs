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
// random. With separate_times every run of wanted tokens has a time of its own (as the tokens of diffusion forcing, Chen et al. 2024): a
// hole is then often all masked while the others are clean, which is how it is filled in use and is rare when all share one time.
//
// With tail_share s, the masks of a share s of the sequences are the last tokens instead of random ones, about t of them: the first mask
// then has all before it and nothing behind it, as where text is written from left to right. What follows from the tokens before it alone
// (the result of a sum) is asked for some sixty times less often under random masks, which show some of what follows from it, or hide
// some of what it follows from (Kim et al. 2025, "Train for the Worst, Plan for the Best": most of the infilling problems are hard).
//
// With causal_share c, a share c of the passes is AutoregressiveObjective's instead: causal attention and the loss of every next token,
// by the same weights (UniLM, Dong et al. 2019). That asks for every such token in each pass, and what is learnt so serves both ways of
// reading where logits are shifted, since a token is then predicted at the same place.
using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Objectives;

/// <summary>Corrupts sequences for a masked-diffusion network.</summary>
/// <param name="source">Where clean sequences come from.</param>
/// <param name="options">Noise settings and seed.</param>
/// <param name="expandTokenId">What asks for another position; null: the tokenizer has no such token.</param>
/// <exception cref="CinnabarException">The settings need the expand token, and there is none.</exception>
public sealed class MaskedDiffusionObjective(SequenceSource source, TrainingOptions options, int? expandTokenId = null)
    : TrainingObjective(source, options)
{
    private readonly int _maskTokenId = options.ModelConfig.MaskTokenId;
    private readonly int _padTokenId = options.ModelConfig.PadTokenId;

    private readonly int? _expandTokenId = options.ExpandShare == 0 || expandTokenId is not null
        ? expandTokenId
        : throw new CinnabarException(
            $"Expected for expand_share {options.ExpandShare} a tokenizer with the token {Tokenizer.ExpandToken}, found one without.",
            "Add it to the initial model with 'cinnabar convert --add-token', and build the corpus with that tokenizer.");

    /// <inheritdoc/>
    protected override IReadOnlyList<TrainingBatch> Prepare(SequenceDraw draw, DeterministicRandom noise)
    {
        List<int[]>[] spans = [.. draw.Batches.Select(SpansOf)];
        NoiseTimes times = new(Options, spans.Sum(batch => batch.Count), noise);
        return [.. draw.Batches.Select((batch, i) => Options.CausalShare > 0 && noise.NextDouble() < Options.CausalShare
            ? AutoregressiveObjective.BatchOf(draw.LeftToRight[i], draw.Counted) with { Attention = AttentionKind.Causal }
            : Prepare(batch, spans[i], times, draw.Counted, noise))];
    }

    private TrainingBatch Prepare(SequenceBatch batch, List<int[]> spans, NoiseTimes times, long counted, DeterministicRandom noise)
    {
        List<int> rows = [];
        List<int> targets = [];
        List<float> scales = [];
        int[] clean = [.. batch.Ids];
        foreach (int[] span in spans)
        {
            // Each masked token becomes a row of the loss with the weight of its time.
            double t = times.Next();
            float scale = (float)(times.WeightOf(t) / counted);
            foreach (int i in Mask(batch.Ids, span, t, noise))
            {
                rows.Add(i);
                targets.Add(clean[i]);
                scales.Add(scale);
            }
        }

        TrainingBatch masked = new(batch.Ids, batch.Batch, batch.ValidLengths, [.. rows], [.. targets], [.. scales]);
        return Options.ExpandShare == 0 ? masked : MergedMasks.Merge(
            masked, Options.ExpandShare, _expandTokenId!.Value, _padTokenId, Options.ModelConfig.EosTokenId, noise);
    }

    private int[] Mask(int[] ids, int[] span, double t, DeterministicRandom noise) =>
        Options.TailShare > 0 && noise.NextDouble() < Options.TailShare
            ? Corruption.MaskTail(ids, span, t, _maskTokenId, noise)
            : Corruption.Mask(ids, span, t, _maskTokenId, noise);

    // The wanted positions that share a time, in order: those of a sequence, or each run of them.
    private List<int[]> SpansOf(SequenceBatch batch)
    {
        List<int[]> spans = [];
        for (int b = 0; b < batch.Batch; b++)
        {
            int[] wanted = [.. Enumerable.Range(b * batch.Length, batch.Length).Where(i => batch.Wanted[i])];
            if (!Options.SeparateTimes)
            {
                spans.Add(wanted);
                continue;
            }

            for (int start = 0; start < wanted.Length;)
            {
                int end = start + 1;
                while (end < wanted.Length && wanted[end] == wanted[end - 1] + 1)
                {
                    end++;
                }

                spans.Add(wanted[start..end]);
                start = end;
            }
        }

        return spans;
    }
}
