namespace Cinnabar.Checkpoints.Gguf;

/// <summary>One tensor as the header of a GGUF file describes it.</summary>
/// <param name="Name">Name, unique in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">
/// Sizes, slowest first, e.g. [out, in] or [experts, out, in]: the reverse of the order in the file; empty for a single number.
/// </param>
/// <param name="Offset">Position of the first byte, counted from the start of the file.</param>
/// <param name="ByteCount">Number of bytes.</param>
public sealed record GgufTensor(string Name, GgmlType Type, IReadOnlyList<long> Shape, long Offset, long ByteCount)
{
    /// <summary>Type and shape as text, e.g. "Q4_K [320, 256]".</summary>
    public override string ToString() => $"{Type} [{string.Join(", ", Shape)}]";
}
