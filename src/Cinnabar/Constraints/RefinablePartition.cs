// A partition of 0 … n−1 into blocks that can be split fast: marking an element moves it to the front of its block, splitting makes the
// marked front a block of its own. The smaller of the two halves gets the new number, which is what makes minimisation n log n.
namespace Cinnabar.Constraints;

/// <summary>Blocks of numbers that only ever split.</summary>
internal sealed class RefinablePartition
{
    private readonly int[] _elements; // block by block
    private readonly int[] _place; // of each element in _elements
    private readonly int[] _blockOf;
    private readonly int[] _first; // of each block in _elements
    private readonly int[] _end;
    private readonly int[] _marked; // of each block, how many
    private readonly List<int> _touched = []; // blocks with marks

    /// <summary>Elements with the same key share a block; blocks are in the order of the keys.</summary>
    public RefinablePartition(ReadOnlySpan<byte> keys)
    {
        int size = keys.Length;
        (_elements, _place, _blockOf) = (new int[size], new int[size], new int[size]);
        (_first, _end, _marked) = (new int[size], new int[size], new int[size]);
        Span<int> count = stackalloc int[256];
        Span<int> blockOfKey = stackalloc int[256];
        foreach (byte key in keys)
        {
            count[key]++;
        }

        int place = 0;
        for (int key = 0; key < 256; key++)
        {
            if (count[key] > 0)
            {
                blockOfKey[key] = BlockCount;
                _first[BlockCount] = _end[BlockCount] = place;
                place += count[key];
                BlockCount++;
            }
        }

        for (int element = 0; element < size; element++)
        {
            int block = blockOfKey[keys[element]];
            _blockOf[element] = block;
            _place[element] = _end[block]++;
            _elements[_place[element]] = element;
        }
    }

    /// <summary>Number of blocks.</summary>
    public int BlockCount { get; private set; }

    /// <summary>The block of an element.</summary>
    public int BlockOf(int element) => _blockOf[element];

    /// <summary>The elements of a block; valid until the next mark in it.</summary>
    public ReadOnlySpan<int> Elements(int block) => _elements.AsSpan(_first[block].._end[block]);

    /// <summary>Marks an element.</summary>
    public void Mark(int element)
    {
        int block = _blockOf[element];
        int front = _first[block] + _marked[block];
        if (_place[element] < front)
        {
            return;
        }

        if (_marked[block]++ == 0)
        {
            _touched.Add(block);
        }

        int other = _elements[front];
        (_elements[front], _elements[_place[element]]) = (element, other);
        (_place[other], _place[element]) = (_place[element], front);
    }

    /// <summary>Splits every block that is marked in part, and takes the marks away.</summary>
    public void Split()
    {
        foreach (int block in _touched)
        {
            int middle = _first[block] + _marked[block];
            _marked[block] = 0;
            if (middle == _end[block])
            {
                continue;
            }

            int added = BlockCount++;
            if (middle - _first[block] <= _end[block] - middle)
            {
                (_first[added], _end[added], _first[block]) = (_first[block], middle, middle);
            }
            else
            {
                (_first[added], _end[added], _end[block]) = (middle, _end[block], middle);
            }

            foreach (int element in Elements(added))
            {
                _blockOf[element] = added;
            }
        }

        _touched.Clear();
    }
}
