// What a person may fix on a canvas before it is denoised: going on from an earlier state, tokens that stand, tokens that must not.
//
//   Restore   ids that are not noise count as committed before the first step, so policies that look back may still change them
//   Pin       the token stands, whatever the network thinks; the text of a hole never ends before its last pin
//   Ban       the token is never written there
namespace Cinnabar.Diffusion;

public sealed partial class Canvas
{
    private readonly Dictionary<int, int[]> _banned = [];

    /// <summary>Goes on from an earlier state of a canvas with the same segments.</summary>
    /// <param name="ids">The ids [L] of that state, the mask where it was noisy.</param>
    /// <exception cref="CinnabarException">There are more or fewer, an id is negative, or known text differs.</exception>
    public void Restore(ReadOnlySpan<int> ids)
    {
        if (ids.Length != Length)
        {
            throw new CinnabarException(
                $"Expected the state of a canvas of {Length} positions, found one of {ids.Length}.",
                "Send the state that this request had, with the same text.");
        }

        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] < 0 || (_states[i] == PositionState.Frozen && ids[i] != _ids[i]))
            {
                throw new CinnabarException(
                    $"Expected token {(_states[i] == PositionState.Frozen ? _ids[i] : Tokens.MaskTokenId)} or, in a hole, another one at "
                    + $"position {i} of the state, found {ids[i]}.",
                    "Send the state that this request had, with the same text.");
            }

            if (_states[i] == PositionState.Noisy && ids[i] != Tokens.MaskTokenId)
            {
                Commit(new Commit(i, ids[i], Confidence: 1), step: 0);
            }
        }
    }

    /// <summary>Writes a token into a hole that stays there.</summary>
    /// <param name="position">Index into the canvas.</param>
    /// <param name="tokenId">An ordinary token.</param>
    /// <exception cref="CinnabarException">The position is none of a hole, or the token is noise, never written, or ends a hole.</exception>
    public void Pin(int position, int tokenId)
    {
        RequireHole(position, "pin");
        Hole hole = _holes[_holeOf[position]];
        if (tokenId < 0 || tokenId == Tokens.MaskTokenId || Tokens.NeverEmitted.Contains(tokenId) || Tokens.Ends(hole.Kind, tokenId))
        {
            throw new CinnabarException(
                $"Expected an ordinary token for the pin at position {position}, found {tokenId}.",
                "Pin a token of text: not the mask, not an end, not another special one.");
        }

        NoisyCount -= _states[position] == PositionState.Noisy ? 1 : 0;
        (_ids[position], _states[position], _confidence[position]) = (tokenId, PositionState.Frozen, 1);
        int[] ends = [.. Tokens.EndsOf(hole.Kind)];
        for (int before = hole.Start; before < position && ends.Length > 0; before++)
        {
            Ban(before, ends);
        }
    }

    /// <summary>Keeps tokens away from a position of a hole.</summary>
    /// <param name="position">Index into the canvas.</param>
    /// <param name="tokenIds">The tokens, beside those already banned there.</param>
    /// <exception cref="CinnabarException">The position is none of a hole, or an id is negative.</exception>
    public void Ban(int position, ReadOnlySpan<int> tokenIds)
    {
        RequireHole(position, "ban");
        foreach (int id in tokenIds)
        {
            if (id < 0)
            {
                throw new CinnabarException($"Expected token ids of 0 or more for the ban at position {position}, found {id}.", "Correct it.");
            }
        }

        _banned[position] = [.. BannedAt(position), .. tokenIds];
        if (_states[position] == PositionState.Committed && tokenIds.Contains(_ids[position]))
        {
            Renoise(position);
        }
    }

    /// <summary>What may not be written at a position.</summary>
    internal ReadOnlySpan<int> BannedAt(int position) => _banned.GetValueOrDefault(position);

    /// <summary>All banned ids.</summary>
    internal int[] Banned => _banned.Count == 0 ? [] : [.. _banned.Values.SelectMany(ids => ids).Distinct()];

    private void RequireHole(int position, string what)
    {
        if (position < 0 || position >= Length || _holeOf[position] < 0)
        {
            string holes = string.Join(", ", _holes.Select(hole => $"{hole.Start} … {hole.End - 1}"));
            throw new CinnabarException(
                $"Expected the {what} at a position of a hole ({holes}), found {position}.", "Known text cannot be changed.");
        }
    }
}
