// Merges neighbours in a list of ids until no pair has a merge: always the pair of lowest rank, of equal ranks the leftmost.
//
//   short lists: look at all pairs for each merge, O(n²) with n ≤ 32
//   long lists:  a linked list of tokens and a binary heap of (rank, position), O(n log n). An entry that no longer names the pair
//                at its position is skipped when it comes up.
namespace Cinnabar.Tokenizers;

/// <summary>Applies merges. Holds scratch memory: not thread-safe.</summary>
internal sealed class PairMerger
{
    private const int ShortList = 32;
    private const int KeptScratch = 1 << 16;
    private readonly MergeTable _merges;
    private readonly (int Rank, int Id)[] _shortMerges = new (int, int)[ShortList];
    private ulong[] _heap = [];
    private int _heapCount;
    private int[] _listIds = [];
    private int[] _next = [];
    private int[] _previous = [];

    /// <summary>Shares the table of a vocabulary.</summary>
    public PairMerger(MergeTable merges)
    {
        _merges = merges;
    }

    /// <summary>Merges in place.</summary>
    /// <returns>How many ids are left, at the beginning.</returns>
    public int Merge(Span<int> ids) => ids.Length <= ShortList ? MergeShort(ids) : MergeLong(ids);

    private int MergeShort(Span<int> ids)
    {
        int count = ids.Length;
        Span<(int Rank, int Id)> merges = _shortMerges; // merges[i]: of ids[i] and ids[i + 1]
        for (int i = 0; i + 1 < count; i++)
        {
            merges[i] = _merges[ids[i], ids[i + 1]];
        }

        while (true)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                best = merges[i].Rank < merges[best].Rank ? i : best;
            }

            if (count < 2 || merges[best].Rank == MergeTable.None)
            {
                return count;
            }

            ids[best] = merges[best].Id;
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            count--;
            if (best + 1 < count)
            {
                merges[(best + 2)..count].CopyTo(merges[(best + 1)..]);
                merges[best] = _merges[ids[best], ids[best + 1]];
            }

            if (best > 0)
            {
                merges[best - 1] = _merges[ids[best - 1], ids[best]];
            }
        }
    }

    private int MergeLong(Span<int> ids)
    {
        int count = ids.Length;
        if (_listIds.Length < count)
        {
            _listIds = new int[count];
            _next = new int[count];
            _previous = new int[count];
            _heap = new ulong[3 * count]; // count − 1 first pairs, and two more for each of at most count − 1 merges
        }

        ids.CopyTo(_listIds);
        for (int i = 0; i < count; i++)
        {
            _next[i] = i + 1 < count ? i + 1 : -1;
            _previous[i] = i - 1;
        }

        _heapCount = 0;
        for (int i = 0; i + 1 < count; i++)
        {
            PushPair(i);
        }

        while (_heapCount > 0)
        {
            ulong entry = Pop();
            MergeAt((int)(uint)entry, (int)(entry >> 32));
        }

        int left = 0;
        for (int i = 0; i >= 0; i = _next[i])
        {
            ids[left++] = _listIds[i];
        }

        if (count > KeptScratch)
        {
            _heap = [];
            _listIds = _next = _previous = [];
        }

        return left;
    }

    private void MergeAt(int position, int rank)
    {
        int right = _listIds[position] < 0 ? -1 : _next[position];
        if (right < 0)
        {
            return;
        }

        (int currentRank, int merged) = _merges[_listIds[position], _listIds[right]];
        if (currentRank != rank)
        {
            return;
        }

        _listIds[position] = merged;
        _listIds[right] = -1;
        int after = _next[right];
        _next[position] = after;
        if (after >= 0)
        {
            _previous[after] = position;
            PushPair(position);
        }

        if (_previous[position] >= 0)
        {
            PushPair(_previous[position]);
        }
    }

    private void PushPair(int position)
    {
        int rank = _merges[_listIds[position], _listIds[_next[position]]].Rank;
        if (rank == MergeTable.None)
        {
            return;
        }

        ulong entry = MergeTable.Pair(rank, position);
        int child = _heapCount++;
        while (child > 0 && entry < _heap[(child - 1) / 2])
        {
            _heap[child] = _heap[(child - 1) / 2];
            child = (child - 1) / 2;
        }

        _heap[child] = entry;
    }

    private ulong Pop()
    {
        ulong top = _heap[0];
        ulong moved = _heap[--_heapCount];
        int parent = 0;
        while (true)
        {
            int child = 2 * parent + 1;
            if (child >= _heapCount)
            {
                break;
            }

            child += child + 1 < _heapCount && _heap[child + 1] < _heap[child] ? 1 : 0;
            if (moved <= _heap[child])
            {
                break;
            }

            _heap[parent] = _heap[child];
            parent = child;
        }

        _heap[parent] = moved;
        return top;
    }
}
