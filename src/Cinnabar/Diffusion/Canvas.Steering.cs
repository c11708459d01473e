// What a person may fix on a canvas before it is denoised: going on from an earlier state, tokens that stand, tokens that must not.
//
//   Restore   ids that are not noise count as committed before the first step, so policies that look back may still change them
//   Pin       the token stands, whatever the network thinks; the text of a hole never ends before its last pin
//   Ban       the token is never part of the text there; behind the end of its hole, where no text is, the end token may fill the place
//
// They come in any order: what Restore would write where it is banned stays noise.
using System.Collections.Immutable;

namespace Cinnabar.Diffusion;

public sealed partial class Canvas
{
    private ImmutableDictionary<int, int[]> _banned = ImmutableDictionary<int, int[]>.Empty;
    private ImmutableDictionary<int, int> _lastPins = ImmutableDictionary<int, int>.Empty; // of holes that have pins

    /// <summary>Goes on from an earlier state of a canvas with the same segments and pins.</summary>
    /// <param name="ids">The ids [L] of that state, the mask where it was noisy.</param>
    /// <exception cref="CinnabarException">
    /// There are more or fewer, known text differs, or an id is negative or never stands in a hole of its kind.
    /// </exception>
    public void Restore(ReadOnlySpan<int> ids)
    {
        if (ids.Length != Length)
        {
            throw new CinnabarException(
                $"Expected the state of a canvas of {Length} positions, found one of {ids.Length}.",
                "Send the state that this request had, with the same text.");
        }

        Dictionary<HoleKind, int[]> forbidden = _holes.Select(hole => hole.Kind).Distinct()
            .ToDictionary(kind => kind, kind => Tokens.Forbidden(kind, allowPadding: true));
        for (int i = 0; i < ids.Length; i++)
        {
            bool fits = _states[i] == PositionState.Frozen
                ? ids[i] == _ids[i]
                : ids[i] == Tokens.MaskTokenId || (ids[i] >= 0 && Array.BinarySearch(forbidden[_holes[_holeOf[i]].Kind], ids[i]) < 0);
            if (!fits)
            {
                throw new CinnabarException(
                    $"Expected {(_states[i] == PositionState.Frozen ? $"token {_ids[i]}" : "the mask or a token that may be written")} at "
                    + $"position {i} of the state, found {ids[i]}.",
                    "Send the state that this request had, with the same text.");
            }
        }

        for (int i = 0; i < ids.Length; i++)
        {
            if (_states[i] == PositionState.Committed)
            {
                Renoise(i);
            }

            if (_states[i] == PositionState.Noisy && ids[i] != Tokens.MaskTokenId && !BannedAt(i).Contains(ids[i]))
            {
                Commit(new Commit(i, ids[i], Confidence: 1), step: 0);
            }
        }
    }

    /// <summary>Writes a token into a hole that stays there.</summary>
    /// <param name="position">Index into the canvas.</param>
    /// <param name="tokenId">An ordinary token.</param>
    /// <exception cref="CinnabarException">
    /// The position is none of a hole, or the token is noise, never written, ends a hole, or is banned there.
    /// </exception>
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

        RequireNotBoth(position, tokenId, BannedAt(position));
        NoisyCount -= _states[position] == PositionState.Noisy ? 1 : 0;
        (_ids[position], _states[position], _confidence[position]) = (tokenId, PositionState.Frozen, 1);
        _committedAt[position] = 0;
        KeepEndsBehind(position, hole);
    }

    /// <summary>Keeps tokens away from a position of a hole.</summary>
    /// <param name="position">Index into the canvas.</param>
    /// <param name="tokenIds">The tokens, beside those already banned there.</param>
    /// <exception cref="CinnabarException">The position is none of a hole, an id is negative, or one is pinned there.</exception>
    public void Ban(int position, ReadOnlySpan<int> tokenIds)
    {
        RequireHole(position, "ban");
        foreach (int id in tokenIds)
        {
            if (id < 0)
            {
                throw new CinnabarException(
                    $"Expected token ids of 0 or more for the ban at position {position}, found {id}.", "Correct it.");
            }
        }

        if (_states[position] == PositionState.Frozen)
        {
            RequireNotBoth(position, _ids[position], tokenIds);
        }

        _banned = _banned.SetItem(position, [.. BannedAt(position).ToArray().Union(tokenIds.ToArray())]);
        if (_states[position] == PositionState.Committed && tokenIds.Contains(_ids[position]))
        {
            Renoise(position);
        }
    }

    /// <summary>Whether anything is pinned or banned.</summary>
    internal bool IsSteered => _banned.Count > 0 || _lastPins.Count > 0;

    /// <summary>What may not be written at a position.</summary>
    internal ReadOnlySpan<int> BannedAt(int position) => _banned.GetValueOrDefault(position);

    /// <summary>The ids that end the text of the hole of a position.</summary>
    internal ReadOnlySpan<int> EndsAt(int position) =>
        _holes[_holeOf[position]].Kind == HoleKind.Infill ? _endsOfInfill : _endsOfContinuation;

    /// <summary>What may not be written at a position because a hole begins there.</summary>
    internal ReadOnlySpan<int> NotFirstAt(int position)
    {
        Hole hole = _holes[_holeOf[position]];
        return position == hole.Start ? hole.NotFirst.Span : [];
    }

    /// <summary>Whether the text of the hole of a position must reach beyond it, so that it does not end there.</summary>
    internal bool MustGoOnAt(int position)
    {
        Hole hole = _holes[_holeOf[position]];
        return position - hole.Start < hole.LeastLength;
    }

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

    // Pins come by the thousand: what lies before the last one has been done.
    private void KeepEndsBehind(int position, Hole hole)
    {
        int index = _holeOf[position];
        ReadOnlySpan<int> ends = EndsAt(position);
        int last = _lastPins.GetValueOrDefault(index, hole.Start);
        for (int before = last; before < position && ends.Length > 0; before++)
        {
            Ban(before, ends);
        }

        _lastPins = _lastPins.SetItem(index, Math.Max(last, position));
    }

    private static void RequireNotBoth(int position, int pinned, ReadOnlySpan<int> banned)
    {
        if (banned.Contains(pinned))
        {
            throw new CinnabarException(
                $"Expected the token {pinned} at position {position} to be pinned or banned, found both.", "Leave one of the two out.");
        }
    }
}
