// Which positions a pass computes when the keys and values of the others are kept from earlier passes.
//
//   attention       kind      computed
//   causal, block-  exact     from the first position whose token changed since it was computed (with blocks: the first of its block)
//   causal                    to the last one that predicts a wanted row: nothing before has changed, nothing behind is visible
//   full            None      everything
//   full            Prefix    first pass of a block: everything; then the block and all that follows
//   full            Dual      first pass of a block: everything; then the block's own positions
//   full            Active    first pass: everything; then noisy positions and those whose token changed in the last 2 passes
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

    /// <summary>Keys and values of all tokens that have stood for two passes.</summary>
    Active,
}

/// <summary>The cache of one canvas through one run.</summary>
/// <param name="denoiser">The network.</param>
/// <param name="length">L.</param>
/// <param name="kind">What is kept, with full attention.</param>
/// <param name="refresh">R; null: never.</param>
internal sealed class CanvasCache(ICachingDenoiser denoiser, int length, CacheKind kind, int? refresh)
{
    private const int PassesUntilSettled = 2;
    private const int Never = -1;

    private readonly KeyValueCache _cache = denoiser.CreateCache(length);
    private readonly int[] _lastIds = [.. Enumerable.Repeat(Never, length)];
    private readonly int[] _changedIn = [.. Enumerable.Repeat(-PassesUntilSettled, length)];
    private int _pass;
    private int _passesSinceFull;
    private int _block = Never;

    /// <summary>Whether the pass that is next computes every position although something is cached.</summary>
    public bool IsRefreshNext(int block) =>
        denoiser.Config.AttentionKind == AttentionKind.Full && _block != Never && IsFull(block);

    /// <summary>One pass.</summary>
    /// <param name="ids">[L].</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="block">Number of the active block.</param>
    /// <param name="blockPositions">Its positions, ascending.</param>
    /// <returns>Logits [rows.Length, V], and the number of positions computed.</returns>
    public (Tensor Logits, int Computed) Logits(int[] ids, int[] rows, int block, int[] blockPositions)
    {
        _pass++;
        int[] positions = denoiser.Config.AttentionKind == AttentionKind.Full
            ? Chosen(ids, block, blockPositions)
            : Outdated(ids, rows);
        Tensor logits = denoiser.Logits(ids, rows, _cache, positions);
        foreach (int position in positions)
        {
            bool changed = _lastIds[position] != Never && _lastIds[position] != ids[position];
            _changedIn[position] = changed ? _pass : _changedIn[position];
            _lastIds[position] = ids[position];
        }

        return (logits, positions.Union(rows).Count());
    }

    private bool IsFull(int block) =>
        _block == Never || _passesSinceFull + 1 >= refresh || (block != _block && kind is CacheKind.Prefix or CacheKind.Dual);

    private int[] Chosen(int[] ids, int block, int[] blockPositions)
    {
        bool isFull = IsFull(block);
        _block = block;
        _passesSinceFull = isFull ? 0 : _passesSinceFull + 1;
        IEnumerable<int> all = Enumerable.Range(0, length);
        bool IsYoung(int i) => ids[i] != _lastIds[i] || _pass - _changedIn[i] <= PassesUntilSettled;
        return isFull ? [.. all] : kind switch
        {
            CacheKind.Prefix => [.. all.Skip(blockPositions[0])],
            CacheKind.Dual => blockPositions,
            _ => [.. all.Where(i => ids[i] == denoiser.MaskTokenId || IsYoung(i))],
        };
    }

    private int[] Outdated(int[] ids, int[] rows)
    {
        int blockSize = denoiser.Config.AttentionKind == AttentionKind.Causal ? 1 : denoiser.Config.AttentionBlockSize;
        int lastRow = rows.Length == 0 ? -1 : denoiser.Config.ShiftLogits ? Math.Max(0, rows[^1] - 1) : rows[^1];
        int end = Math.Min(length, ((lastRow / blockSize) + 1) * blockSize);
        int first = 0;
        while (first < end && ids[first] == _lastIds[first])
        {
            first++;
        }

        first = first / blockSize * blockSize;
        return first < end ? [.. Enumerable.Range(first, end - first)] : [];
    }
}
