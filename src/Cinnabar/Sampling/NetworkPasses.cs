// The network's side of a run: guidance, caches, and how far a cache has drifted.
//
// Drift: at a refresh the logits of the tokens committed since the last one are computed again and compared with what they were when
// the tokens were committed; reported is the largest change. It costs the head of these rows, so it is measured on demand.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

internal sealed class NetworkPasses(IDenoiser denoiser)
{
    private readonly SortedDictionary<int, float> _committedLogits = [];
    private Canvas _canvas = null!;
    private SamplerOptions _options = null!;
    private CanvasCache? _cache;
    private CanvasCache? _unconditionalCache;
    private bool _measuresDrift;
    private int[] _unconditional = []; // [L]
    private Tensor? _guided; // [rows or more, V]
    private Tensor? _logits; // of the last pass, if drift is measured

    /// <summary>Whether passes of this run keep keys and values.</summary>
    public bool IsCached { get; private set; }

    /// <summary>Positions computed so far, over all passes.</summary>
    public long ComputedPositions { get; private set; }

    /// <summary>The largest change of a committed token's logit at the last pass, if that was a refresh and drift is measured.</summary>
    public float? Drift { get; private set; }

    /// <summary>The network, if runs with these options keep keys and values; else null.</summary>
    /// <exception cref="CinnabarException">They shall, and the network cannot.</exception>
    public static ICachingDenoiser? CachingFor(IDenoiser denoiser, SamplerOptions options)
    {
        bool isFull = denoiser is not ICachingDenoiser { Config.AttentionKind: not AttentionKind.Full };
        if (isFull && options.Cache == CacheKind.None)
        {
            return null;
        }

        return denoiser as ICachingDenoiser ?? throw new CinnabarException(
            $"Expected a network that can keep keys and values for the option Cache = {options.Cache}, found one that cannot.",
            "Change Cache to None.");
    }

    /// <summary>The network as one that can leave out a token.</summary>
    /// <exception cref="CinnabarException">It cannot.</exception>
    public static ILeaveOneOutDenoiser LeaveOneOutFor(IDenoiser denoiser)
    {
        ILeaveOneOutDenoiser leaveOneOut = denoiser as ILeaveOneOutDenoiser ?? throw new CinnabarException(
            "Expected a network that can leave out one token, for the option VerifyThreshold, found one that cannot.",
            "Leave VerifyThreshold out.");
        leaveOneOut.RequireLeavingOut();
        return leaveOneOut;
    }

    /// <summary>Throws unless a denoiser kept its word.</summary>
    public static void CheckShape(Tensor logits, int rows, int vocabularySize)
    {
        if (logits.Rows != rows || logits.Columns != vocabularySize)
        {
            throw new InvalidOperationException(
                $"Expected logits of shape [{rows}, {vocabularySize}] from the denoiser, found {logits.ShapeText()}.");
        }
    }

    /// <summary>Starts a run.</summary>
    public void Begin(Canvas canvas, SamplerOptions options)
    {
        (_canvas, _options) = (canvas, options);
        (ComputedPositions, Drift, _logits) = (0, null, null);
        _committedLogits.Clear();
        ICachingDenoiser? caching = CachingFor(denoiser, options);
        IsCached = caching is not null;

        // Under a constraint the rows become marginals, which are not comparable with logits of a later pass.
        _measuresDrift = IsCached && options.MeasureDrift && options.CfgScale == 0 && !canvas.IsConstrained;
        if (caching is null)
        {
            return;
        }

        _cache ??= new CanvasCache(caching);
        _cache.Begin(canvas.Length, options.Cache, options.CacheRefresh);
        if (options.CfgScale > 0)
        {
            _unconditionalCache ??= new CanvasCache(caching);
            _unconditionalCache.Begin(canvas.Length, options.Cache, options.CacheRefresh);
        }
    }

    /// <summary>The passes of one step.</summary>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="block">Number of the active block.</param>
    /// <param name="blockPositions">Its positions, ascending.</param>
    /// <returns>[rows.Length or more, V]; valid until the next call.</returns>
    public Tensor Logits(ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        Drift = null;
        if (_measuresDrift)
        {
            bool compares = _committedLogits.Count > 0 && _cache!.IsRefreshNext(block);
            return _logits = compares
                ? AtRefresh(rows, block, blockPositions)
                : Pass(_cache, _canvas.Ids, rows, block, blockPositions);
        }

        Tensor logits = Pass(_cache, _canvas.Ids, rows, block, blockPositions);
        return _options.CfgScale == 0 ? logits : Guided(logits, rows, block, blockPositions);
    }

    /// <summary>A pass with shadows of committed positions.</summary>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="shadowed">Positions that are predicted as if they were masked.</param>
    /// <returns>[rows.Length + shadowed.Length, V].</returns>
    /// <exception cref="CinnabarException">The network cannot do that.</exception>
    public Tensor LogitsWithShadows(ReadOnlySpan<int> rows, ReadOnlySpan<int> shadowed)
    {
        ILeaveOneOutDenoiser leaveOneOut = LeaveOneOutFor(denoiser);
        ComputedPositions += _canvas.Length + shadowed.Length;
        return leaveOneOut.LogitsWithShadows(_canvas.Ids, rows, shadowed);
    }

    /// <summary>Whether the passes of this run can be shared with other canvases.</summary>
    public bool CanShare => _options.CfgScale == 0 && !_measuresDrift && (!IsCached || denoiser is ICachingBatchDenoiser);

    /// <summary>Adds the pass of a step to one that several canvases share.</summary>
    /// <inheritdoc cref="Logits"/>
    /// <returns>The number of positions that it computes.</returns>
    public int AddTo(IBatchDenoiser batch, ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        int computed = _canvas.Length;
        if (IsCached)
        {
            computed = _cache!.AddTo((ICachingBatchDenoiser)batch, _canvas.Ids, rows, block, blockPositions);
        }
        else
        {
            batch.AddToBatch(_canvas.Ids, rows);
        }

        ComputedPositions += computed;
        return computed;
    }

    /// <summary>Notes what a step committed, so that its drift can be measured.</summary>
    /// <param name="commits">Its commits, or its edits.</param>
    /// <param name="rows">The rows of its pass.</param>
    public void Committed(List<Commit> commits, ReadOnlySpan<int> rows)
    {
        for (int i = 0; i < commits.Count && _measuresDrift; i++)
        {
            int row = rows.BinarySearch(commits[i].Position);
            if (row >= 0)
            {
                _committedLogits[commits[i].Position] = _logits!.Row(row)[commits[i].TokenId];
            }
        }
    }

    private Tensor Guided(Tensor conditional, ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        // The denoiser reuses its tensor, so the first result is copied before the second pass.
        int count = conditional.Count;
        if (_guided is null || _guided.Count < count)
        {
            _guided = Tensor.Zeros(rows.Length, conditional.Columns);
        }

        conditional.Floats.CopyTo(_guided.Floats);
        _unconditional = _unconditional.Length == _canvas.Length ? _unconditional : new int[_canvas.Length];
        ClassifierFreeGuidance.Unconditional(_canvas, _unconditional);
        (denoiser as CollageDenoiser)?.RepeatGrid();
        Tensor unconditional = Pass(_unconditionalCache, _unconditional, rows, block, blockPositions);
        ClassifierFreeGuidance.Combine(_guided.Floats[..count], unconditional.Floats, _options.CfgScale);
        return _guided;
    }

    private Tensor AtRefresh(ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        int[] all = [.. rows.ToArray().Union(_committedLogits.Keys).Order()];
        Tensor logits = Pass(_cache, _canvas.Ids, all, block, blockPositions);
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

    private Tensor Pass(CanvasCache? cache, ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        Tensor logits;
        if (IsCached)
        {
            (logits, int computed) = cache!.Logits(ids, rows, block, blockPositions);
            ComputedPositions += computed;
        }
        else
        {
            logits = denoiser.Logits(ids, rows);
            ComputedPositions += denoiser is ICountedDenoiser counted ? counted.ComputedPositions : ids.Length;
        }

        CheckShape(logits, rows.Length, denoiser.VocabularySize);
        return logits;
    }
}
