using System.Runtime.InteropServices;

namespace Cinnabar.Numerics;

/// <summary>Numbers as the bytes in which they are stored, little endian.</summary>
public static class NumberBytes
{
    /// <summary>The bytes of some numbers; writing them changes the numbers.</summary>
    public static Span<byte> Of(Span<float> numbers) => MemoryMarshal.AsBytes(numbers);

    /// <summary>The bytes of some numbers.</summary>
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<float> numbers) => MemoryMarshal.AsBytes(numbers);

    /// <summary>The bytes of some numbers; writing them changes the numbers.</summary>
    public static Span<byte> Of(Span<int> numbers) => MemoryMarshal.AsBytes(numbers);

    /// <summary>The bytes of some numbers.</summary>
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<int> numbers) => MemoryMarshal.AsBytes(numbers);
}
