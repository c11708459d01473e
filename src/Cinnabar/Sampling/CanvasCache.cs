// Which positions a pass computes when the keys and values of the others are kept from earlier passes.
//
//   attention       kind      computed
//   causal, block-  exact     from the first position whose token changed since it was computed (with blocks: the first of its block)
//   causal                    to the last one that predicts a wanted row: nothing before has changed, nothing behind is visible
//   full            None      everything
//   full            Prefix    first pass of a block: everything; then the block and all that follows
//   full            Dual      first pass of a block: everything; then the block's own positions
//   full            Active    first pass: everything; then noisy positions and tokens in the first three passes after they were written
//
// and with CacheRefresh = R, everything in every R-th pass since the last time. Rows that are asked for, and the positions that predict
// them, are always computed. With full attention the kept keys and values are stale: they were computed beside other neighbours.
// Sources: prefix and dual, NVlabs/Fast-dLLM v1, 2025; active, dKV-Cache, Ma et al. 2025 (a token's key and value settle one step after it
// was decoded), and iafiscal1212/diffuse-cpp. Deviation: for shifted logits Fast-dLLM takes the first row of a block from the full pass;
// here the position before the block is computed with it.
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>What a sampler keeps of earlier passes through a network with full attention.</summary>
public enum CacheKind
{
    /// <summary>Nothing: every pass computes every position.</summary>
    None,

    /// <summary>Keys and values before the active block.</summary>
    Prefix,

    /// <summary>Keys and values before and behind the active block.</summary>
    Dual,

    /// <summary>Keys and values of all tokens that have stood for three passes.</summary>
    Active,
}

/// <summary>The cache of one canvas through one run; its memory is used again for the next canvas.</summary>
/// <param name="denoiser">The network.</param>
internal sealed class CanvasCache(ICachingDenoiser denoiser)
{
    private const int PassesUntilSettled = 2; // after the first with the token
    private const int Never = -1;

    private KeyValueCache? _cache;
    private CacheKind _kind;
    private int? _refresh;
    private int[] _lastIds = [];
    private int[] _changedIn = [];
    private int[] _positions = [];
    private int _pass;
    private int _passesSinceFull;
    private int _block;

    /// <summary>Starts a run; nothing is cached.</summary>
    /// <param name="length">L.</param>
    /// <param name="kind">What is kept, with full attention.</param>
    /// <param name="refresh">R; null: never.</param>
    public void Begin(int length, CacheKind kind, int? refresh)
    {
        if (_cache?.Length != length && _cache?.TryReset(length) != true)
        {
            _cache?.Dispose();
            _cache = denoiser.CreateCache(length);
            _lastIds = new int[length];
            _changedIn = new int[length];
            _positions = new int[length];
        }

        Array.Fill(_lastIds, Never);
        Array.Fill(_changedIn, -PassesUntilSettled);
        (_kind, _refresh) = (kind, refresh);
        (_pass, _passesSinceFull, _block) = (0, 0, Never);
    }

    /// <summary>Whether the pass that is next computes every position although something is cached.</summary>
    public bool IsRefreshNext(int block) =>
        denoiser.Config.AttentionKind == AttentionKind.Full && _block != Never && IsFull(block);

    /// <summary>One pass.</summary>
    /// <param name="ids">[L].</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="block">Number of the active block.</param>
    /// <param name="blockPositions">Its positions, ascending.</param>
    /// <returns>Logits [rows.Length, V], and the number of positions computed.</returns>
    public (Tensor Logits, int Computed) Logits(
        ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        ReadOnlySpan<int> positions = Positions(ids, rows, block, blockPositions);
        Tensor logits = denoiser.Logits(ids, rows, _cache!, positions);
        return (logits, Note(ids, rows, positions));
    }

    /// <summary>Adds the pass to one that several canvases share.</summary>
    /// <inheritdoc cref="Logits"/>
    /// <returns>The number of positions that will be computed.</returns>
    public int AddTo(
        ICachingBatchDenoiser batch, ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        ReadOnlySpan<int> positions = Positions(ids, rows, block, blockPositions);
        batch.AddToBatch(ids, rows, _cache!, positions);
        return Note(ids, rows, positions);
    }

    private ReadOnlySpan<int> Positions(
        ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, int block, ReadOnlySpan<int> blockPositions)
    {
        _pass++;
        return denoiser.Config.AttentionKind == AttentionKind.Full ? Chosen(ids, block, blockPositions) : Outdated(ids, rows);
    }

    // Remembers what is computed; gives the number of positions.
    private int Note(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions)
    {
        foreach (int position in positions)
        {
            bool changed = _lastIds[position] != Never && _lastIds[position] != ids[position];
            _changedIn[position] = changed ? _pass : _changedIn[position];
            _lastIds[position] = ids[position];
        }

        int computed = positions.Length;
        foreach (int row in rows)
        {
            computed += positions.BinarySearch(row) < 0 ? 1 : 0;
        }

        return computed;
    }

    private bool IsFull(int block) =>
        _block == Never || _passesSinceFull + 1 >= _refresh || (block != _block && _kind is CacheKind.Prefix or CacheKind.Dual);

    private ReadOnlySpan<int> Chosen(ReadOnlySpan<int> ids, int block, ReadOnlySpan<int> blockPositions)
    {
        bool isFull = IsFull(block);
        _block = block;
        _passesSinceFull = isFull ? 0 : _passesSinceFull + 1;
        return isFull ? Range(0, ids.Length) : _kind switch
        {
            CacheKind.Prefix => Range(blockPositions[0], ids.Length),
            CacheKind.Dual => blockPositions,
            _ => Young(ids),
        };
    }

    private ReadOnlySpan<int> Outdated(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        int blockSize = denoiser.Config.AttentionKind == AttentionKind.Causal ? 1 : denoiser.Config.AttentionBlockSize;
        int lastRow = rows.Length == 0 ? -1 : denoiser.Config.ShiftLogits ? Math.Max(0, rows[^1] - 1) : rows[^1];
        int end = Math.Min(ids.Length, ((lastRow / blockSize) + 1) * blockSize);
        int first = 0;
        while (first < end && ids[first] == _lastIds[first])
        {
            first++;
        }

        // What was computed behind these positions saw tokens that have changed since.
        int start = first / blockSize * blockSize;
        if (start < end)
        {
            Array.Fill(_lastIds, Never, end, ids.Length - end);
        }

        return Range(start, end);
    }

    // Masks, and tokens that have not stood for three passes.
    private ReadOnlySpan<int> Young(ReadOnlySpan<int> ids)
    {
        int count = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] == denoiser.MaskTokenId || ids[i] != _lastIds[i] || _pass - _changedIn[i] <= PassesUntilSettled)
            {
                _positions[count++] = i;
            }
        }

        return _positions.AsSpan(0, count);
    }

    private ReadOnlySpan<int> Range(int first, int end)
    {
        int count = Math.Max(0, end - first);
        for (int i = 0; i < count; i++)
        {
            _positions[i] = first + i;
        }

        return _positions.AsSpan(0, count);
    }
}
