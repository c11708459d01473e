namespace Cinnabar.Numerics;

/// <summary>
/// Element type of a <see cref="Tensor"/>. Activations, gradients and optimiser state are F32; weights may also be BF16, Int8 or Int4.
/// </summary>
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
}

/// <summary>What holds for element types.</summary>
public static class DTypes
{
    /// <summary>Whether elements are integers with scales.</summary>
    public static bool IsInteger(this DType type) => type is DType.Int8 or DType.Int4;
}
