namespace Cinnabar.Numerics;

/// <summary>
/// Element type of a <see cref="Tensor"/>. Activations, gradients and optimiser state are F32; weights may be of any type.
/// </summary>
/// <remarks>
/// The types from <see cref="Q4_0"/> on are blocks of GGUF files: the elements of a row lie in blocks of 32 or 256 with scales of their
/// own, byte for byte as in the file. Products see them as Int8 with one scale a row, which they become in cache (BlockType).
/// </remarks>
public enum DType
{
    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    F32,

    /// <summary>bfloat16: the upper 16 bits of an F32, 2 bytes.</summary>
    BF16,

    /// <summary>Signed 8-bit integers with an F32 scale for each row or group of columns: 1 byte.</summary>
    Int8,

    /// <summary>
    /// Integers −8 … 7 with an F32 scale for each group of columns, stored as q + 8 in half a byte, the even column in the low half.
    /// </summary>
    Int4,

    /// <summary>32 values of 4 bits with a scale: 4.5 bits a value.</summary>
    Q4_0,

    /// <summary>32 values of 4 bits with a scale and a minimum: 5 bits a value.</summary>
    Q4_1,

    /// <summary>32 values of 5 bits with a scale: 5.5 bits a value.</summary>
    Q5_0,

    /// <summary>32 values of 5 bits with a scale and a minimum: 6 bits a value.</summary>
    Q5_1,

    /// <summary>32 values of 8 bits with a scale: 8.5 bits a value.</summary>
    Q8_0,

    /// <summary>256 values of 2 bits, 16 scales and minima of 4 bits: 2.625 bits a value.</summary>
    Q2_K,

    /// <summary>256 values of 3 bits, 16 scales of 6 bits: 3.4375 bits a value.</summary>
    Q3_K,

    /// <summary>256 values of 4 bits, 8 scales and minima of 6 bits: 4.5 bits a value.</summary>
    Q4_K,

    /// <summary>256 values of 5 bits, 8 scales and minima of 6 bits: 5.5 bits a value.</summary>
    Q5_K,

    /// <summary>256 values of 6 bits, 16 scales of 8 bits: 6.5625 bits a value.</summary>
    Q6_K,
}

/// <summary>What holds for element types.</summary>
public static class DTypes
{
    /// <summary>Whether elements are single integers with scales.</summary>
    public static bool IsInteger(this DType type) => type is DType.Int8 or DType.Int4;

    /// <summary>Whether elements lie in blocks.</summary>
    public static bool IsBlocks(this DType type) => type >= DType.Q4_0;
}
