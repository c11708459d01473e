// Holes that find their own length. Where the network predicts the expand token, one position becomes two noisy ones; what is left over is
// padding behind the end of the text, as in every hole. Positions behind it move by one, so indices of earlier steps mean other places.
// Source: DreamOn, Wu et al. 2025 (expand and delete; delete is here the end-of-hole token).
namespace Cinnabar.Diffusion;

public sealed partial class Canvas
{
    /// <summary>Whether a hole may still get longer.</summary>
    public bool Grows => Tokens.ExpandTokenId is not null && Array.Exists(_holes, hole => hole.Grows);

    /// <summary>Number of positions if every hole grows as far as it may.</summary>
    public int MostLength
    {
        get
        {
            int length = Length;
            foreach (Hole hole in _holes)
            {
                length += hole.MostLength - hole.Length;
            }

            return length;
        }
    }

    /// <summary>Whether the hole of a position may still get longer.</summary>
    internal bool GrowsAt(int position) => Tokens.ExpandTokenId is not null && _holes[_holeOf[position]].Grows;

    /// <summary>Makes two noisy positions out of one.</summary>
    /// <param name="position">A noisy position of a hole that grows.</param>
    internal void Expand(int position)
    {
        int index = _holeOf[position];
        _ids = Inserted(_ids, position, Tokens.MaskTokenId);
        _states = Inserted(_states, position, PositionState.Noisy);
        _committedAt = Inserted(_committedAt, position, 0);
        _confidence = Inserted(_confidence, position, 0);
        _holeOf = Inserted(_holeOf, position, index);
        NoisyCount++;

        // A copy of the canvas keeps the list it has.
        _holes = [.. _holes.Select((hole, i) => i < index ? hole
            : i == index ? hole with { Length = hole.Length + 1 }
            : hole with { Start = hole.Start + 1 })];
    }

    private static T[] Inserted<T>(T[] items, int before, T item) => [.. items.AsSpan(0, before), item, .. items.AsSpan(before)];
}
