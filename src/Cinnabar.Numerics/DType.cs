namespace Cinnabar.Numerics;

/// <summary>
/// Element type of a <see cref="Tensor"/>. Activations, gradients and optimiser state are F32; weights may also be BF16 or Int8.
/// </summary>
public enum DType
{
    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    F32,

    /// <summary>bfloat16: the upper 16 bits of an F32, 2 bytes.</summary>
    BF16,

    /// <summary>Signed 8-bit integers with an F32 scale for each row: 1 byte.</summary>
    Int8,
}
