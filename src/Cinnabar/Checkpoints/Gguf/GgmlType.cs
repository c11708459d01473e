// Element types of tensors and the size of their blocks. A row of a tensor is a whole number of blocks; a block holds BlockSize
// neighbouring values in BlockBytes bytes. Numbers and sizes: ggml (ggml.h, ggml-common.h). Not supported: the types of the IQ, TQ
// and FP4 families, and integers.
using Cinnabar.Numerics;
using Cinnabar.Numerics.Blocks;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Element types of the tensors that can be read, with the numbers that stand for them in a GGUF file.</summary>
public enum GgmlType
{
    /// <summary>IEEE single precision.</summary>
    F32 = 0,

    /// <summary>IEEE half precision.</summary>
    F16 = 1,

    /// <summary>32 values of 4 bits with a scale: 4.5 bits a value.</summary>
    Q4_0 = 2,

    /// <summary>32 values of 4 bits with a scale and a minimum: 5 bits a value.</summary>
    Q4_1 = 3,

    /// <summary>32 values of 5 bits with a scale: 5.5 bits a value.</summary>
    Q5_0 = 6,

    /// <summary>32 values of 5 bits with a scale and a minimum: 6 bits a value.</summary>
    Q5_1 = 7,

    /// <summary>32 values of 8 bits with a scale: 8.5 bits a value.</summary>
    Q8_0 = 8,

    /// <summary>256 values of 2 bits, 16 scales and minima of 4 bits: 2.625 bits a value.</summary>
    Q2_K = 10,

    /// <summary>256 values of 3 bits, 16 scales of 6 bits: 3.4375 bits a value.</summary>
    Q3_K = 11,

    /// <summary>256 values of 4 bits, 8 scales and minima of 6 bits: 4.5 bits a value.</summary>
    Q4_K = 12,

    /// <summary>256 values of 5 bits, 8 scales and minima of 6 bits: 5.5 bits a value.</summary>
    Q5_K = 13,

    /// <summary>256 values of 6 bits, 16 scales of 8 bits: 6.5625 bits a value.</summary>
    Q6_K = 14,

    /// <summary>bfloat16.</summary>
    BF16 = 30,
}

/// <summary>Sizes of the blocks of each type.</summary>
public static class GgmlTypes
{
    // Of types without support, for messages (ggml.h).
    private static readonly Dictionary<uint, string> s_others = new()
    {
        [9] = "Q8_1", [15] = "Q8_K", [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S", [20] = "IQ4_NL", [21] = "IQ3_S",
        [22] = "IQ2_S", [23] = "IQ4_XS", [24] = "I8", [25] = "I16", [26] = "I32", [27] = "I64", [28] = "F64", [29] = "IQ1_M",
        [34] = "TQ1_0", [35] = "TQ2_0", [39] = "MXFP4",
    };

    /// <summary>Values in a block.</summary>
    public static int BlockSize(this GgmlType type) => type switch
    {
        GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 => 1,
        _ => type.ToBlocks().BlockSize(),
    };

    /// <summary>Bytes of a block.</summary>
    public static int BlockBytes(this GgmlType type) => type switch
    {
        GgmlType.F32 => 4,
        GgmlType.F16 or GgmlType.BF16 => 2,
        _ => type.ToBlocks().BlockBytes(),
    };

    /// <summary>The element type of a tensor whose elements lie in blocks, byte for byte the same.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They do not.</exception>
    internal static DType ToBlocks(this GgmlType type) => type switch
    {
        GgmlType.Q4_0 => DType.Q4_0,
        GgmlType.Q4_1 => DType.Q4_1,
        GgmlType.Q5_0 => DType.Q5_0,
        GgmlType.Q5_1 => DType.Q5_1,
        GgmlType.Q8_0 => DType.Q8_0,
        GgmlType.Q2_K => DType.Q2_K,
        GgmlType.Q3_K => DType.Q3_K,
        GgmlType.Q4_K => DType.Q4_K,
        GgmlType.Q5_K => DType.Q5_K,
        GgmlType.Q6_K => DType.Q6_K,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such type."),
    };

    /// <summary>A number from a file with the name of its type, for messages: "20 (IQ4_NL)".</summary>
    internal static string Describe(uint number) =>
        s_others.TryGetValue(number, out string? name) ? $"{number} ({name})" : $"{number}";
}
