using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>What a weight is, ahead of its bytes, which travel as they are held here: elements, then scales.</summary>
/// <param name="Name">In the LLaDA layout.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Shape">One or two sizes.</param>
/// <param name="GroupSize">See <see cref="Tensor.GroupSize"/>.</param>
internal sealed record WeightHeader(string Name, DType Type, int[] Shape, int GroupSize)
{
    private const int MostDimensions = 2;

    // Whether groups are as this type has them.
    private bool IsPossible => Type.IsBlocks()
        ? GroupSize == Shape[^1]
        : !Type.IsInteger() || (GroupSize > 0 && Shape[^1] % GroupSize == 0 && (Type != DType.Int4 || GroupSize % 2 == 0));

    /// <summary>What is to be said of a weight.</summary>
    public static WeightHeader Of(string name, Tensor value) => new(name, value.Type, value.Shape.ToArray(), value.GroupSize);

    /// <summary>Bytes of elements and scales.</summary>
    public long Bytes
    {
        get
        {
            long count = Shape.Aggregate(1L, (product, size) => product * size);
            long scales = Type.IsInteger() || Type.IsBlocks() ? count / Math.Max(1, GroupSize) : 0;
            return Tensor.BytesOf(Type, count) + (scales * sizeof(float));
        }
    }

    public void Write(MessageStream stream)
    {
        stream.Write(Name);
        stream.Write((byte)Type);
        stream.Write((long)Shape.Length);
        Array.ForEach(Shape, size => stream.Write((long)size));
        stream.Write((long)GroupSize);
    }

    /// <summary>Reads a header.</summary>
    /// <param name="stream">Where it comes from.</param>
    /// <param name="expected">The weights that may come, by name.</param>
    /// <exception cref="InvalidDataException">It is none of these, or has another shape.</exception>
    public static WeightHeader Read(MessageStream stream, IReadOnlyDictionary<string, NetworkWeight> expected)
    {
        string name = stream.ReadText("a weight's name");
        if (!expected.TryGetValue(name, out NetworkWeight weight))
        {
            throw new InvalidDataException($"Expected a weight of the layers that were asked for, found {ErrorText.Quote(name)}.");
        }

        DType type = (DType)stream.ReadByte();
        int[] shape = new int[stream.ReadNumber(1, MostDimensions, $"dimensions of {name}")];
        for (int i = 0; i < shape.Length; i++)
        {
            shape[i] = (int)stream.ReadNumber(1, int.MaxValue, $"a size of {name}");
        }

        int groupSize = (int)stream.ReadNumber(0, int.MaxValue, $"the group of {name}");
        WeightHeader header = new(name, type, shape, groupSize);
        return Enum.IsDefined(type) && shape.AsSpan().SequenceEqual(weight.Shape) && header.IsPossible
            ? header
            : throw new InvalidDataException(
                $"Expected {name} as [{string.Join(", ", weight.Shape)}] of a known type and in groups that divide its rows, "
                + $"found {type} [{string.Join(", ", shape)}] in groups of {groupSize}.");
    }

    /// <summary>Writes the bytes.</summary>
    public static void WriteBytes(MessageStream stream, Tensor value)
    {
        stream.Write(value.Bytes);
        stream.Write(value.Scales is null ? default : value.Scales.Bytes);
    }

    /// <summary>Reads the bytes of the weight.</summary>
    public Tensor ReadBytes(MessageStream stream)
    {
        Tensor value = Tensor.Zeros(Type, GroupSize, Shape);
        stream.Read(value.Bytes);
        stream.Read(value.Scales is null ? default : value.Scales.Bytes);
        return value;
    }
}
