// How little each token of a text is expected: −log2 of its probability, in bits.
//
//   masked diffusion     p(x_i | all others): one position at a time is masked; several sequences share a pass
//   autoregressive       p(x_i | x_0 … x_{i−1}), in one pass; nothing stands before the first token, which is one of V equally likely ones
//
// The first is what a pseudo-likelihood sums (Salazar et al. 2020, "Masked Language Model Scoring"); it finds tokens that do not fit what
// comes after them, which the second cannot.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Diffusion;

/// <summary>Measures how surprising each token of a text is.</summary>
public sealed class TokenSurprise
{
    // As many positions as make a pass efficient, and few enough that others need not wait long for theirs.
    private const int PositionsPerPass = 512;

    private readonly IDenoiser _denoiser;
    private readonly KernelTable _kernels;
    private readonly bool _isAutoregressive;

    /// <summary>Measures with one network.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="isAutoregressive">Whether it reads left to right.</param>
    /// <exception cref="CinnabarException">Its noise is random tokens.</exception>
    public TokenSurprise(IDenoiser denoiser, KernelTable kernels, bool isAutoregressive)
    {
        denoiser.RequireMask("the surprise of a token");
        (_denoiser, _kernels, _isAutoregressive) = (denoiser, kernels, isAutoregressive);
    }

    /// <summary>The bits of each token, in order; a pass is made when the first value that needs it is asked for.</summary>
    /// <param name="ids">1 … MaxLength tokens.</param>
    public IEnumerable<double> Of(int[] ids) => _isAutoregressive ? LeftToRight(ids) : FromBothSides(ids);

    private IEnumerable<double> LeftToRight(int[] ids)
    {
        yield return Math.Log2(_denoiser.VocabularySize);
        if (ids.Length == 1)
        {
            yield break;
        }

        int[] rows = [.. Enumerable.Range(1, ids.Length - 1)];
        foreach (double bits in Bits(_denoiser.Logits(ids, rows), ids[1..]))
        {
            yield return bits;
        }
    }

    private IEnumerable<double> FromBothSides(int[] ids)
    {
        int together = _denoiser is IBatchDenoiser ? Math.Max(1, PositionsPerPass / ids.Length) : 1;
        for (int first = 0; first < ids.Length; first += together)
        {
            int count = Math.Min(together, ids.Length - first);
            foreach (double bits in Bits(LogitsOfMasked(ids, first, count), ids[first..(first + count)]))
            {
                yield return bits;
            }
        }
    }

    // Row i is position first + i of a copy of the text in which that position is masked.
    private Tensor LogitsOfMasked(int[] ids, int first, int count)
    {
        IBatchDenoiser? batch = _denoiser as IBatchDenoiser;
        batch?.BeginBatch();
        int[] masked = new int[ids.Length];
        for (int position = first; position < first + count; position++)
        {
            ids.CopyTo(masked, 0);
            masked[position] = _denoiser.MaskTokenId;
            if (batch is null)
            {
                return _denoiser.Logits(masked, [position]);
            }

            batch.AddToBatch(masked, [position]);
        }

        return batch!.LogitsOfBatch();
    }

    // logits: [n, V], valid until the next pass, so all of them are read at once.
    private double[] Bits(Tensor logits, int[] targets)
    {
        Tensor losses = Tensor.Zeros(targets.Length);
        _kernels.CrossEntropy.Forward(logits, targets, losses);
        return [.. losses.Floats.ToArray().Select(nats => nats / Math.Log(2))];
    }
}
