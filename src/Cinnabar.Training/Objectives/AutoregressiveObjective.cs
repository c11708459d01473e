// Next-token cross-entropy, for the twin that writes left to right:
//
//   loss = 1/N · Σ_b Σ_{i ≥ 1 wanted} −log f(x_b^i | x_b^0 … x_b^{i−1})
//
// N as in the masked-diffusion loss; nothing stands before position 0, so it is no row of the loss. Rows are named by the position of
// their target: with shifted logits TransformerDenoiser answers row i from its output at i − 1. In windows of text every token is wanted,
// markers included; in examples those of the answer.
using Cinnabar.Diffusion;

namespace Cinnabar.Training.Objectives;

/// <summary>Prepares clean sequences for an autoregressive network.</summary>
/// <param name="source">Where they come from.</param>
/// <param name="options">The seed.</param>
public sealed class AutoregressiveObjective(SequenceSource source, TrainingOptions options) : TrainingObjective(source, options)
{
    /// <summary>Fewest tokens of a sequence: the markers of the layout and a few of text.</summary>
    public const int MinSequenceLength = 8;

    /// <inheritdoc/>
    protected override IReadOnlyList<TrainingBatch> Prepare(SequenceDraw draw, DeterministicRandom noise) =>
        [.. draw.Batches.Select(batch => BatchOf(batch, draw.Counted))];

    /// <summary>Every next token of a pass.</summary>
    /// <param name="batch">Its clean sequences.</param>
    /// <param name="counted">N.</param>
    internal static TrainingBatch BatchOf(SequenceBatch batch, long counted)
    {
        int[] rows = [.. Enumerable.Range(0, batch.Ids.Length).Where(i => i % batch.Length != 0 && batch.Wanted[i])];
        float[] scales = new float[rows.Length];
        Array.Fill(scales, (float)(1.0 / counted));
        return new TrainingBatch(
            batch.Ids, batch.Batch, batch.ValidLengths, rows, Array.ConvertAll(rows, row => batch.Ids[row]), scales);
    }
}
