using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>A tensor to be written to a safetensors file, and where its values come from when its turn has come.</summary>
/// <param name="Name">Name, unique in the file.</param>
/// <param name="Type">F32, F16 or BF16; I8; or I32 for values of 4 bits, eight in one.</param>
/// <param name="Shape">Sizes in the file, slowest first: with I32, an eighth of the values of a row.</param>
/// <param name="Parts">
/// The values in order, cut wherever it is convenient: any element type for F32, F16 and BF16, Int8 for I8 and Int4 for I32. Enumerated
/// once, while the tensor is written, so an iterator need hold one part at a time.
/// </param>
public sealed record SafetensorsTensorSource(string Name, SafetensorsDType Type, IReadOnlyList<int> Shape, IEnumerable<Tensor> Parts)
{
    /// <summary>A tensor that is in memory, written in its own type without the scales of integers.</summary>
    /// <param name="name">Name, unique in the file.</param>
    /// <param name="tensor">The values; rows of Int4 are a multiple of 8.</param>
    public SafetensorsTensorSource(string name, Tensor tensor)
        : this(name, SafetensorsDTypeNames.Of(tensor.Type), ShapeOf(tensor), [tensor])
    {
    }

    /// <summary>Bytes in the file.</summary>
    internal long ByteCount => Shape.Aggregate(1L, (count, size) => checked(count * size)) * SafetensorsDTypeNames.BitsOf(Type) / 8;

    private static int[] ShapeOf(Tensor tensor)
    {
        int[] shape = tensor.Shape.ToArray();
        if (tensor.Type == DType.Int4)
        {
            shape[^1] /= Safetensors.Int4sInOne;
        }

        return shape;
    }
}
