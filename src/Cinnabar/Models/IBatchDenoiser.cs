using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>A network that computes several sequences in one pass, each as if it were alone.</summary>
public interface IBatchDenoiser : IDenoiser
{
    /// <summary>One pass over several sequences; the shorter ones cost as much as the longest.</summary>
    /// <param name="ids">Token ids, sequence after sequence.</param>
    /// <param name="lengths">Tokens of each sequence, 1 … <see cref="IDenoiser.MaxLength"/>; their sum is the number of ids.</param>
    /// <param name="rows">Indices of <paramref name="ids"/> whose logits are wanted, ascending.</param>
    /// <returns>F32 [rows.Length, V], as <see cref="IDenoiser.Logits"/> gives them for each sequence. Valid until the next call.</returns>
    Tensor LogitsOfBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, ReadOnlySpan<int> rows);
}
