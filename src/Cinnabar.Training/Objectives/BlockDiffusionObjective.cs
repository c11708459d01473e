// Block-diffusion training objective (BD3-LM, Arriola et al. 2025, eq. 8): blocks of S tokens are written left to right, the tokens of a
// block by masked diffusion given all blocks before it.
//
//   loss = 1/N · Σ_b Σ_k w(t_k) · Σ_{i masked in block k} −log f(x^i | corrupted block k, clean blocks before k)
//
// Every block has a time of its own. One pass serves all blocks: a sequence is laid out twice, [x ; corrupted x] (2L positions), a
// corrupted block sees itself and the clean blocks before it, a clean block the clean blocks up to itself (AttentionShape.HasNoisyHalf).
// Both halves count their positions from 0. S is the network's attention_block_size: with S = 1 and noise_epsilon = max_mask_rate = 1 it is
// the autoregressive loss (every token always masked), with S ≥ L masked diffusion. The paper's clipped schedules are noise_epsilon and
// max_mask_rate: for S = 4 it found 0.45 … 0.95 best, for S = 16 0.3 … 0.8.
using Cinnabar.Diffusion;

namespace Cinnabar.Training.Objectives;

/// <summary>Lays sequences out twice, the second time corrupted block by block.</summary>
/// <param name="source">Where clean sequences come from.</param>
/// <param name="options">Noise settings, seed, and a block-causal network.</param>
public sealed class BlockDiffusionObjective(SequenceSource source, TrainingOptions options) : TrainingObjective(source, options)
{
    private readonly int _maskTokenId = options.ModelConfig.MaskTokenId;
    private readonly int _blockSize = options.ModelConfig.AttentionBlockSize;

    /// <inheritdoc/>
    protected override IReadOnlyList<TrainingBatch> Prepare(SequenceDraw draw, DeterministicRandom noise)
    {
        int blocks = draw.Batches.Sum(batch => batch.Batch * BlocksOf(batch.Length));
        NoiseTimes times = new(Options, blocks, noise);
        return [.. draw.Batches.Select(batch => Prepare(batch, times, draw.Counted, noise))];
    }

    private TrainingBatch Prepare(SequenceBatch batch, NoiseTimes times, long counted, DeterministicRandom noise)
    {
        int length = batch.Length;
        int[] ids = new int[2 * batch.Ids.Length];
        List<int> rows = [];
        List<int> targets = [];
        List<float> scales = [];
        for (int b = 0; b < batch.Batch; b++)
        {
            ReadOnlySpan<int> clean = batch.Ids.AsSpan(b * length, length);
            int noisy = (2 * b * length) + length;
            clean.CopyTo(ids.AsSpan(2 * b * length));
            clean.CopyTo(ids.AsSpan(noisy));
            for (int block = 0; block < BlocksOf(length); block++)
            {
                double t = times.Next();
                float scale = (float)(times.WeightOf(t) / counted);
                int first = block * _blockSize;
                int count = Math.Min(_blockSize, length - first);
                int[] wanted = [.. Enumerable.Range(first, count).Where(i => batch.Wanted[(b * length) + i]).Select(i => noisy + i)];
                foreach (int row in Corruption.Mask(ids, wanted, t, _maskTokenId, noise))
                {
                    rows.Add(row);
                    targets.Add(clean[row - noisy]);
                    scales.Add(scale);
                }
            }
        }

        return new TrainingBatch(ids, batch.Batch, batch.ValidLengths, [.. rows], [.. targets], [.. scales]) { HasNoisyHalf = true };
    }

    private int BlocksOf(int length) => (length + _blockSize - 1) / _blockSize;
}
