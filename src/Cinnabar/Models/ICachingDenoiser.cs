using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>A network that can compute some positions only, with cached keys and values for the others.</summary>
public interface ICachingDenoiser : IDenoiser
{
    /// <summary>Sizes and switches.</summary>
    ModelConfig Config { get; }

    /// <summary>
    /// An empty cache for a canvas of <paramref name="length"/> tokens; the first pass must compute every position it needs.
    /// </summary>
    KeyValueCache CreateCache(int length);

    /// <summary>One pass over some positions, which attend to all positions of the cache that their attention kind lets them see.</summary>
    /// <param name="ids">L token ids.</param>
    /// <param name="rows">Positions whose logits are wanted, ascending; those that predict them are always computed.</param>
    /// <param name="cache">Of this network, for L tokens.</param>
    /// <param name="positions">Further positions to compute, ascending; their keys and values replace the cached ones.</param>
    /// <returns>As <see cref="IDenoiser.Logits"/>.</returns>
    Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions);
}
