// What teaches a network to ask for room: of two masked positions side by side, one stays, and what it is to say is the expand token.
//
//   text      a  b  c  d  e              shown     a  _  d  e         of the pair (b, c), both masked
//   masks     a  _  _  d  e       ─▶     said      .  expand  .  .
//
// Each pair within a run of masks is merged with probability expand_share, from the left; a pair with end-of-hole padding in it never, nor
// one that ends with end of text, as these say the opposite. What is left of the sequence moves up, and padding that does not count fills
// its end. Where the pair stands for more than it shows in turn (two merged pairs side by side), the network will ask again when it sees
// two masks.
// Source: DreamOn, Wu et al. 2025 (static probability 0.5).
using Cinnabar.Diffusion;

namespace Cinnabar.Training.Objectives;

/// <summary>Merges masks.</summary>
internal static class MergedMasks
{
    /// <summary>Merges pairs of masks of a batch.</summary>
    /// <param name="batch">With a mask at each of its rows.</param>
    /// <param name="share">Probability of a pair, 0 … 1.</param>
    /// <param name="expandTokenId">What a merged pair says.</param>
    /// <param name="padTokenId">End of hole, and what fills the end of sequences.</param>
    /// <param name="eosTokenId">End of text.</param>
    /// <param name="random">Draws a number for each pair.</param>
    public static TrainingBatch Merge(
        TrainingBatch batch, double share, int expandTokenId, int padTokenId, int eosTokenId, DeterministicRandom random)
    {
        int length = batch.Ids.Length / batch.Batch;
        int[] ids = new int[batch.Ids.Length];
        Array.Fill(ids, padTokenId);
        int[] valid = [.. batch.ValidLengths];
        (List<int> rows, List<int> targets, List<float> scales) = ([], [], []);
        int row = 0;
        for (int b = 0; b < batch.Batch; b++)
        {
            int write = b * length;
            for (int read = b * length; read < (b + 1) * length; read++, write++)
            {
                ids[write] = batch.Ids[read];
                if (row == batch.Rows.Length || batch.Rows[row] != read)
                {
                    continue;
                }

                bool isPair = row + 1 < batch.Rows.Length && batch.Rows[row + 1] == read + 1 && read + 1 < (b + 1) * length
                    && batch.Targets[row] != padTokenId && batch.Targets[row + 1] != padTokenId && batch.Targets[row + 1] != eosTokenId;
                bool merges = isPair && random.NextDouble() < share;
                rows.Add(write);
                targets.Add(merges ? expandTokenId : batch.Targets[row]);
                scales.Add(batch.Scales[row]);
                row += merges ? 2 : 1;
                read += merges ? 1 : 0;
            }

            valid[b] -= ((b + 1) * length) - write;
        }

        return batch with { Ids = ids, ValidLengths = valid, Rows = [.. rows], Targets = [.. targets], Scales = [.. scales] };
    }
}
