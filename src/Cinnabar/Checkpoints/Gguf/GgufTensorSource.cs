using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>A tensor to be written, and where its values come from when its turn has come.</summary>
/// <param name="Name">Name, at most 64 bytes.</param>
/// <param name="Type">F32, F16, BF16, Q8_0 or Q4_0.</param>
/// <param name="Shape">Sizes, slowest first, one to four; the last a multiple of the block size of the type.</param>
/// <param name="Parts">
/// The values in order, cut between rows wherever it is convenient, e.g. expert by expert; any element type. Enumerated once, while the
/// tensor is written, so an iterator need hold one part at a time.
/// </param>
public sealed record GgufTensorSource(string Name, GgmlType Type, IReadOnlyList<int> Shape, IEnumerable<Tensor> Parts)
{
    /// <summary>A tensor that is in memory.</summary>
    /// <param name="name">Name, at most 64 bytes.</param>
    /// <param name="type">F32, F16, BF16, Q8_0 or Q4_0.</param>
    /// <param name="tensor">The values.</param>
    public GgufTensorSource(string name, GgmlType type, Tensor tensor)
        : this(name, type, tensor.Shape.ToArray(), [tensor])
    {
    }

    /// <summary>Number of values.</summary>
    internal long Count => Shape.Aggregate(1L, (count, size) => checked(count * size));

    /// <summary>Bytes in the file.</summary>
    internal long ByteCount => Count / Type.BlockSize() * Type.BlockBytes();
}
