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
}
