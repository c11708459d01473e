namespace Cinnabar.Checkpoints;

/// <summary>One tensor as the header of a safetensors file describes it.</summary>
/// <param name="Name">Name, unique in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes, slowest first; empty for a single number.</param>
/// <param name="Offset">Position of the first byte, counted from the start of the file.</param>
/// <param name="ByteCount">Number of bytes.</param>
public sealed record TensorEntry(string Name, SafetensorsDType Type, IReadOnlyList<long> Shape, long Offset, long ByteCount)
{
    /// <summary>Type and shape as text, e.g. "BF16 [512, 384]".</summary>
    public override string ToString() => $"{SafetensorsDTypeNames.NameOf(Type)} [{string.Join(", ", Shape)}]";

    /// <summary>The part of the tensor at one index of its first dimension, with the other dimensions as its shape.</summary>
    /// <returns>Null if there are fewer than two dimensions, or no such index, or if the part is not whole bytes.</returns>
    internal TensorEntry? Slice(int index)
    {
        if (Shape.Count < 2 || index < 0 || index >= Shape[0] || ByteCount % Shape[0] != 0)
        {
            return null;
        }

        long bytes = ByteCount / Shape[0];
        return this with { Shape = [.. Shape.Skip(1)], Offset = Offset + (index * bytes), ByteCount = bytes };
    }
}
