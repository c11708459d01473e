using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>What may not be written at one position, whatever may be elsewhere.</summary>
internal readonly ref struct ForbiddenHere
{
    private readonly ReadOnlySpan<int> _banned;
    private readonly ReadOnlySpan<int> _notFirst;
    private readonly ReadOnlySpan<int> _ends;
    private readonly int? _expand;

    /// <summary>Looks it up.</summary>
    /// <param name="canvas">The canvas.</param>
    /// <param name="position">The position.</param>
    /// <param name="mayExpand">Whether its hole may grow here, if it grows at all.</param>
    public ForbiddenHere(Canvas canvas, int position, bool mayExpand)
    {
        _banned = canvas.BannedAt(position);
        _notFirst = canvas.NotFirstAt(position);
        _ends = canvas.MustGoOnAt(position) ? canvas.EndsAt(position) : [];
        _expand = mayExpand && canvas.GrowsAt(position) ? null : canvas.Tokens.ExpandTokenId;
    }

    /// <summary>Takes it out of a row of logits [V].</summary>
    public void TakeFrom(Span<float> logits)
    {
        foreach (int banned in _banned)
        {
            logits[banned] = float.NegativeInfinity;
        }

        foreach (int other in _notFirst)
        {
            logits[other] = float.NegativeInfinity;
        }

        foreach (int end in _ends)
        {
            logits[end] = float.NegativeInfinity;
        }

        if (_expand is int expand)
        {
            logits[expand] = float.NegativeInfinity;
        }
    }

    /// <summary>Adds its ids to a list, but for those that do not begin a hole.</summary>
    public void AddTo(List<int> ids)
    {
        ids.AddRange(_banned);
        ids.AddRange(_ends);
        if (_expand is int expand)
        {
            ids.Add(expand);
        }
    }
}
