// Pair of token ids → (rank, merged id), by open addressing.
//
// The hash is multiply-shift with a random odd multiplier (Dietzfelbinger et al. 1997), so that a vocabulary file cannot be made to
// collide on purpose. The multiplier changes where an entry lies, never what is found.
namespace Cinnabar.Tokenizers;

/// <summary>The merges of a byte-pair encoding. A lower rank is merged first.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge.</summary>
    public const int None = int.MaxValue;

    private const ulong Empty = ulong.MaxValue;
    private readonly ulong[] _pairs;
    private readonly (int Rank, int Id)[] _merges;
    private readonly ulong _multiplier = (ulong)Random.Shared.NextInt64() | 1;
    private readonly int _shift;

    /// <summary>Makes room for <paramref name="count"/> merges.</summary>
    public MergeTable(int count)
    {
        int bits = int.Log2(Math.Max(count, 1)) + 2;
        _pairs = new ulong[1 << bits];
        _merges = new (int, int)[1 << bits];
        _shift = 64 - bits;
        Array.Fill(_pairs, Empty);
    }

    /// <summary>The pair as one number, ordered by the left id, then by the right.</summary>
    public static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>Adds a merge; where the pair is already there, that one stays.</summary>
    public void Add(int left, int right, int rank, int id)
    {
        int slot = Find(Pair(left, right));
        if (_pairs[slot] == Empty)
        {
            _pairs[slot] = Pair(left, right);
            _merges[slot] = (rank, id);
        }
    }

    /// <summary>The rank of a pair and the id it becomes; rank <see cref="None"/> where it does not merge.</summary>
    public (int Rank, int Id) this[int left, int right]
    {
        get
        {
            int slot = Find(Pair(left, right));
            return _pairs[slot] == Empty ? (None, -1) : _merges[slot];
        }
    }

    private int Find(ulong pair)
    {
        int slot = (int)((pair * _multiplier) >> _shift);
        while (_pairs[slot] != pair && _pairs[slot] != Empty)
        {
            slot = (slot + 1) & (_pairs.Length - 1);
        }

        return slot;
    }
}
