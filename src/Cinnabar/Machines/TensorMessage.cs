using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>A weight on its way to another machine, byte for byte as it is held here: type, shape, group, elements, scales.</summary>
internal static class TensorMessage
{
    private const int MostDimensions = 2;

    /// <summary>Writes a weight.</summary>
    public static void Write(MessageStream stream, string name, Tensor tensor)
    {
        stream.Write(name);
        stream.Write((byte)tensor.Type);
        stream.Write((long)tensor.Shape.Length);
        foreach (int size in tensor.Shape)
        {
            stream.Write((long)size);
        }

        stream.Write((long)tensor.GroupSize);
        stream.Write(tensor.Bytes);
        stream.Write(tensor.Scales is null ? default : tensor.Scales.Bytes);
    }

    /// <summary>Reads a weight.</summary>
    /// <param name="stream">Where it comes from.</param>
    /// <param name="expected">The weights that may come, by name.</param>
    /// <param name="room">Bytes that are left for it.</param>
    /// <param name="place">Who has that room, for messages.</param>
    /// <exception cref="InvalidDataException">It is none of these, has another shape, or there is no room for it.</exception>
    public static (NetworkWeight Weight, Tensor Value) Read(
        MessageStream stream, IReadOnlyDictionary<string, NetworkWeight> expected, long room, string place)
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
        if (!Enum.IsDefined(type) || !shape.AsSpan().SequenceEqual(weight.Shape))
        {
            throw new InvalidDataException(
                $"Expected {name} as [{string.Join(", ", weight.Shape)}] of a known type, found {type} [{string.Join(", ", shape)}].");
        }

        long count = shape.Aggregate(1L, (product, size) => product * size);
        long bytes = Tensor.BytesOf(type, count);
        if (bytes > room)
        {
            throw new InvalidDataException(
                $"{place} has {room:N0} bytes left for weights, and {name} takes {bytes:N0}. "
                + "Give it fewer layers (--machines address=layers), or let it offer more (--memory).");
        }

        Tensor tensor;
        try
        {
            tensor = Tensor.Zeros(type, groupSize, shape);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{name}: {e.Message}", e);
        }

        stream.Read(tensor.Bytes);
        stream.Read(tensor.Scales is null ? default : tensor.Scales.Bytes);
        return (weight, tensor);
    }
}
