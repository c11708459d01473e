using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>A network that computes several sequences in one pass, each as if it were alone.</summary>
public interface IBatchDenoiser : IDenoiser
{
    /// <summary>Begins a pass without sequences; forgets those that were added.</summary>
    void BeginBatch();

    /// <summary>Adds a sequence to the pass of <see cref="LogitsOfBatch"/>.</summary>
    /// <param name="ids">L token ids, 1 ≤ L ≤ <see cref="IDenoiser.MaxLength"/>; copied.</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    void AddToBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows);

    /// <summary>One pass over the sequences that were added since <see cref="BeginBatch"/>, at least one.</summary>
    /// <returns>
    /// F32 [ΣM, V]: the rows of each sequence in the order they were added, as <see cref="IDenoiser.Logits"/> gives them. Valid until the
    /// next call.
    /// </returns>
    Tensor LogitsOfBatch();
}

/// <summary>One that also computes some positions of a sequence only, beside cached keys and values.</summary>
public interface ICachingBatchDenoiser : IBatchDenoiser, ICachingDenoiser
{
    /// <summary>Adds some positions of a sequence to the pass.</summary>
    /// <inheritdoc cref="ICachingDenoiser.Logits(ReadOnlySpan{int}, ReadOnlySpan{int}, KeyValueCache, ReadOnlySpan{int})"/>
    void AddToBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions);
}
