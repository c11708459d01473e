using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>A network that can tell, in the same pass, what it would predict at a position if the token there were masked.</summary>
public interface ILeaveOneOutDenoiser : IDenoiser
{
    /// <summary>Checks that it can: not every attention allows it.</summary>
    /// <exception cref="CinnabarException">The network's attention does not allow it.</exception>
    void RequireLeavingOut();

    /// <summary>
    /// One pass over <paramref name="ids"/> with a shadow of some positions: a mask at the same position, which sees all tokens but the
    /// one it shadows, and all other shadows; the tokens see no shadow.
    /// </summary>
    /// <param name="ids">L token ids.</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="shadowed">S positions.</param>
    /// <returns>F32 [rows.Length + S, V]: the rows, then the shadows. Valid until the next call.</returns>
    /// <exception cref="CinnabarException">The network's attention does not allow it.</exception>
    Tensor LogitsWithShadows(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> shadowed);
}
