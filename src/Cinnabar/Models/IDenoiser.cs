using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>The network as a sampler sees it: token ids at L positions in, logits of chosen positions out.</summary>
public interface IDenoiser
{
    /// <summary>V: size of the last dimension of the logits.</summary>
    int VocabularySize { get; }

    /// <summary>Largest L.</summary>
    int MaxLength { get; }

    /// <summary>The id that stands for noise.</summary>
    int MaskTokenId { get; }

    /// <summary>What its noise is.</summary>
    NoiseKind Noise => NoiseKind.Mask;

    /// <summary>The block of block-causal attention, counted from the first position; null: the network has another attention.</summary>
    int? BlockSize => null;

    /// <summary>One pass over <paramref name="ids"/>.</summary>
    /// <param name="ids">L token ids, 1 ≤ L ≤ <see cref="MaxLength"/>.</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <returns>
    /// F32 [rows.Length, V], row i for position rows[i] (same-position: logits of a position predict that position's token). Valid until
    /// the next call.
    /// </returns>
    Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows);
}
