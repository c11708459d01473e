namespace Cinnabar.Checkpoints;

/// <summary>
/// Element types a safetensors file can hold, in the order of the reference writer (by alignment). Names are those of the format.
/// </summary>
public enum SafetensorsDType
{
    /// <summary>Boolean, 1 byte.</summary>
    Bool,

    /// <summary>MXFP4 element, 4 bits.</summary>
    F4,

    /// <summary>MXFP6 element with 2 exponent bits, 6 bits.</summary>
    F6E2M3,

    /// <summary>MXFP6 element with 3 exponent bits, 6 bits.</summary>
    F6E3M2,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>8-bit float with 5 exponent bits.</summary>
    F8E5M2,

    /// <summary>8-bit float with 4 exponent bits.</summary>
    F8E4M3,

    /// <summary>8-bit power of two.</summary>
    F8E8M0,

    /// <summary>8-bit float with 4 exponent bits, no infinities, no negative zero.</summary>
    F8E4M3Fnuz,

    /// <summary>8-bit float with 5 exponent bits, no infinities, no negative zero.</summary>
    F8E5M2Fnuz,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>Complex number of two singles, 8 bytes.</summary>
    C64,

    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}
