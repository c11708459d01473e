// Byte-pair encoding of one piece: start from its bytes; while any two neighbours have a merge, merge the pair of lowest rank, of
// equal ranks the leftmost.
//
//   short pieces: look at all pairs for each merge, O(n²) with n ≤ 32
//   long pieces:  a linked list of tokens and a binary heap of (rank, position), O(n log n). An entry that no longer names the pair
//                 at its position is skipped when it comes up.
//
// Source: Sennrich et al. 2016, arXiv 1508.07909, algorithm 1; the result equals "BPE" of Hugging Face tokenizers.
namespace Cinnabar.Tokenizers;

/// <summary>Encodes pieces with the merges of one vocabulary. Holds scratch memory: not thread-safe, one for each thread.</summary>
internal sealed class Bpe
{
    private const int ShortPiece = 32;
    private const int KeptScratch = 1 << 16;
    private readonly MergeTable _merges;
    private readonly int[] _idOfByte;
    private readonly PieceCache _cache = new();
    private readonly (int Rank, int Id)[] _shortMerges = new (int, int)[ShortPiece];
    private readonly int[] _shortIds = new int[ShortPiece];
    private ulong[] _heap = [];
    private int _heapCount;
    private int[] _listIds = [];
    private int[] _next = [];
    private int[] _previous = [];

    /// <summary>Shares the tables of a tokenizer.</summary>
    /// <param name="merges">Its merges.</param>
    /// <param name="idOfByte">[256]: the token of each byte.</param>
    public Bpe(MergeTable merges, int[] idOfByte)
    {
        _merges = merges;
        _idOfByte = idOfByte;
    }

    /// <summary>Appends the tokens of a piece.</summary>
    public void Encode(ReadOnlySpan<byte> piece, List<int> output)
    {
        if (piece.Length == 1)
        {
            output.Add(_idOfByte[piece[0]]);
        }
        else if (piece.Length <= ShortPiece)
        {
            int slot = PieceCache.SlotOf(piece);
            ReadOnlySpan<int> ids = _cache.Find(slot, piece);
            if (ids.IsEmpty)
            {
                ids = EncodeShort(piece);
                _cache.Store(slot, piece, ids);
            }

            output.AddRange(ids);
        }
        else
        {
            EncodeLong(piece, output);
        }
    }

    private ReadOnlySpan<int> EncodeShort(ReadOnlySpan<byte> piece)
    {
        int count = piece.Length;
        Span<int> ids = _shortIds;
        Span<(int Rank, int Id)> merges = _shortMerges; // merges[i]: of ids[i] and ids[i + 1]
        for (int i = 0; i < count; i++)
        {
            ids[i] = _idOfByte[piece[i]];
        }

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
                return ids[..count];
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

    private void EncodeLong(ReadOnlySpan<byte> piece, List<int> output)
    {
        int count = piece.Length;
        if (_listIds.Length < count)
        {
            _listIds = new int[count];
            _next = new int[count];
            _previous = new int[count];
            _heap = new ulong[3 * count]; // count − 1 first pairs, and two more for each of at most count − 1 merges
        }

        for (int i = 0; i < count; i++)
        {
            _listIds[i] = _idOfByte[piece[i]];
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

        for (int i = 0; i >= 0; i = _next[i])
        {
            output.Add(_listIds[i]);
        }

        if (count > KeptScratch)
        {
            _heap = [];
            _listIds = _next = _previous = [];
        }
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
