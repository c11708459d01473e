// The network's side of a run: guidance, caches, and how far a cache has drifted.
//
// Drift: at a refresh the logits of the tokens committed since the last one are computed again and compared with what they were when
// the tokens were committed; reported is the largest change. It costs the head of these rows, so it is measured on demand.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

internal sealed class NetworkPasses
{
    private readonly IDenoiser _denoiser;
    private readonly Canvas _canvas;
    private readonly SamplerOptions _options;
    private readonly CanvasCache? _cache;
    private readonly CanvasCache? _unconditionalCache;
    private readonly SortedDictionary<int, float> _committedLogits = [];
    private int[] _rows = [];
    private Tensor? _logits;

    /// <summary>Prepares a run.</summary>
    /// <exception cref="CinnabarException">A cache is asked for and the network cannot use one.</exception>
    public NetworkPasses(IDenoiser denoiser, Canvas canvas, SamplerOptions options)
    {
        _denoiser = denoiser;
        _canvas = canvas;
        _options = options;
        bool isFull = denoiser is not ICachingDenoiser { Config.AttentionKind: not AttentionKind.Full };
        if (isFull && options.Cache == CacheKind.None)
        {
            return;
        }

        if (denoiser is not ICachingDenoiser caching)
        {
            throw new CinnabarException(
                $"Expected a network that can keep keys and values for the option Cache = {options.Cache}, found one that cannot.",
                "Change Cache to None.");
        }

        _cache = new CanvasCache(caching, canvas.Length, options.Cache, options.CacheRefresh);
        _unconditionalCache = options.CfgScale > 0
            ? new CanvasCache(caching, canvas.Length, options.Cache, options.CacheRefresh)
            : null;
    }

    /// <summary>Positions computed so far, over all passes.</summary>
    public long ComputedPositions { get; private set; }

    /// <summary>The largest change of a committed token's logit at the last pass, if that was a refresh and drift is measured.</summary>
    public float? Drift { get; private set; }

    /// <summary>The passes of one step.</summary>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="block">Number of the active block.</param>
    /// <param name="blockPositions">Its positions, ascending.</param>
    /// <returns>[rows.Length, V].</returns>
    public Tensor Logits(int[] rows, int block, int[] blockPositions)
    {
        Drift = null;
        bool measures = _options.MeasureDrift && _options.CfgScale == 0 && _cache is not null;
        if (measures && _committedLogits.Count > 0 && _cache!.IsRefreshNext(block))
        {
            return Remember(rows, AtRefresh(rows, block, blockPositions));
        }

        Tensor logits = Pass(_cache, _canvas.IdArray, rows, block, blockPositions);
        if (_options.CfgScale == 0)
        {
            return Remember(rows, logits);
        }

        // The denoiser reuses its tensor, so the first result is copied before the second pass.
        Tensor guided = Tensor.From(logits.Floats, logits.Shape);
        int[] unconditional = ClassifierFreeGuidance.Unconditional(_canvas);
        ClassifierFreeGuidance.Combine(
            guided.Floats, Pass(_unconditionalCache, unconditional, rows, block, blockPositions).Floats, _options.CfgScale);
        return guided;
    }

    /// <summary>A pass with shadows of committed positions.</summary>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="shadowed">Positions that are predicted as if they were masked.</param>
    /// <returns>[rows.Length + shadowed.Length, V].</returns>
    /// <exception cref="CinnabarException">The network cannot do that.</exception>
    public Tensor LogitsWithShadows(int[] rows, int[] shadowed)
    {
        if (_denoiser is not ILeaveOneOutDenoiser denoiser)
        {
            throw new CinnabarException(
                "Expected a network that can leave out one token, for the option VerifyThreshold, found one that cannot.",
                "Leave VerifyThreshold out.");
        }

        ComputedPositions += _canvas.Length + shadowed.Length;
        return denoiser.LogitsWithShadows(_canvas.IdArray, rows, shadowed);
    }

    /// <summary>Notes what a step committed, so that its drift can be measured.</summary>
    public void Committed(IReadOnlyList<Commit> commits)
    {
        foreach (Commit commit in commits)
        {
            int row = Array.BinarySearch(_rows, commit.Position);
            if (_options.MeasureDrift && row >= 0)
            {
                _committedLogits[commit.Position] = _logits!.Row(row)[commit.TokenId];
            }
        }
    }

    private Tensor AtRefresh(int[] rows, int block, int[] blockPositions)
    {
        int[] all = [.. rows.Union(_committedLogits.Keys).Order()];
        Tensor logits = Pass(_cache, _canvas.IdArray, all, block, blockPositions);
        float Change(KeyValuePair<int, float> committed) =>
            MathF.Abs(logits.Row(Array.BinarySearch(all, committed.Key))[_canvas.Ids[committed.Key]] - committed.Value);
        Drift = _committedLogits.Where(c => _canvas.StateOf(c.Key) == PositionState.Committed).Select(Change).DefaultIfEmpty().Max();
        _committedLogits.Clear();

        Tensor wanted = Tensor.Zeros(rows.Length, logits.Columns);
        for (int i = 0; i < rows.Length; i++)
        {
            logits.Row(Array.BinarySearch(all, rows[i])).CopyTo(wanted.Row(i));
        }

        return wanted;
    }

    private Tensor Remember(int[] rows, Tensor logits)
    {
        (_rows, _logits) = (rows, logits);
        return logits;
    }

    private Tensor Pass(CanvasCache? cache, int[] ids, int[] rows, int block, int[] blockPositions)
    {
        int computed = ids.Length;
        Tensor logits;
        if (cache is null)
        {
            logits = _denoiser.Logits(ids, rows);
        }
        else
        {
            (logits, computed) = cache.Logits(ids, rows, block, blockPositions);
        }

        ComputedPositions += computed;
        return logits.Rows == rows.Length && logits.Columns == _denoiser.VocabularySize
            ? logits
            : throw new InvalidOperationException(
                $"Expected logits of shape [{rows.Length}, {_denoiser.VocabularySize}] from the denoiser, found {logits.ShapeText()}.");
    }
}
