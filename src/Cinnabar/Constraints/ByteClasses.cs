// Bytes that an automaton cannot tell apart are one class: they are in the same ranges of all its transitions. Found by refining: from one
// class of all bytes, each range cuts the classes that lie partly in it.
namespace Cinnabar.Constraints;

/// <summary>The classes of bytes of a nondeterministic automaton.</summary>
internal sealed class ByteClasses
{
    private readonly byte[] _classOf = new byte[256];
    private readonly Dictionary<(byte, byte), byte[]> _classesIn = [];

    /// <summary>Refines by the ranges of some transitions.</summary>
    public ByteClasses(IEnumerable<ByteNfa.Edge> edges)
    {
        HashSet<(byte Low, byte High)> ranges = [.. edges.Select(edge => (edge.Low, edge.High))];
        Span<int> inside = stackalloc int[256];
        Span<bool> outside = stackalloc bool[256];
        foreach ((byte low, byte high) in ranges)
        {
            outside.Clear();
            for (int value = 0; value < 256; value++)
            {
                outside[_classOf[value]] |= value < low || value > high;
            }

            // A class wholly inside keeps its number; of one that is cut, the bytes inside get the next free number.
            inside.Fill(-1);
            for (int value = low; value <= high; value++)
            {
                int old = _classOf[value];
                if (outside[old])
                {
                    inside[old] = inside[old] < 0 ? Count++ : inside[old];
                    _classOf[value] = (byte)inside[old];
                }
            }
        }

        foreach ((byte low, byte high) in ranges)
        {
            _classesIn[(low, high)] = [.. _classOf[low..(high + 1)].Distinct()];
        }
    }

    /// <summary>Number of classes.</summary>
    public int Count { get; private set; } = 1;

    /// <summary>[256], the class of each byte.</summary>
    public byte[] ClassOf => _classOf;

    /// <summary>The classes that make up the range of a transition.</summary>
    public byte[] In(ByteNfa.Edge edge) => _classesIn[(edge.Low, edge.High)];
}
