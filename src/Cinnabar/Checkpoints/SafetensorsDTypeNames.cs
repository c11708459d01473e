using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>Spelling and size of each <see cref="SafetensorsDType"/>.</summary>
internal static class SafetensorsDTypeNames
{
    private static readonly (SafetensorsDType Type, string Name, int Bits)[] s_all =
    [
        (SafetensorsDType.Bool, "BOOL", 8),
        (SafetensorsDType.F4, "F4", 4),
        (SafetensorsDType.F6E2M3, "F6_E2M3", 6),
        (SafetensorsDType.F6E3M2, "F6_E3M2", 6),
        (SafetensorsDType.U8, "U8", 8),
        (SafetensorsDType.I8, "I8", 8),
        (SafetensorsDType.F8E5M2, "F8_E5M2", 8),
        (SafetensorsDType.F8E4M3, "F8_E4M3", 8),
        (SafetensorsDType.F8E8M0, "F8_E8M0", 8),
        (SafetensorsDType.F8E4M3Fnuz, "F8_E4M3FNUZ", 8),
        (SafetensorsDType.F8E5M2Fnuz, "F8_E5M2FNUZ", 8),
        (SafetensorsDType.I16, "I16", 16),
        (SafetensorsDType.U16, "U16", 16),
        (SafetensorsDType.F16, "F16", 16),
        (SafetensorsDType.BF16, "BF16", 16),
        (SafetensorsDType.I32, "I32", 32),
        (SafetensorsDType.U32, "U32", 32),
        (SafetensorsDType.F32, "F32", 32),
        (SafetensorsDType.C64, "C64", 64),
        (SafetensorsDType.F64, "F64", 64),
        (SafetensorsDType.I64, "I64", 64),
        (SafetensorsDType.U64, "U64", 64),
    ];

    /// <summary>The floating-point type that is nearest to how a weight is stored; BF16 for integers and blocks.</summary>
    public static SafetensorsDType NearestTo(GgmlType type) => type switch
    {
        GgmlType.F32 => SafetensorsDType.F32,
        GgmlType.F16 => SafetensorsDType.F16,
        _ => SafetensorsDType.BF16,
    };

    /// <summary>All names, for messages.</summary>
    public static string All { get; } = string.Join(", ", s_all.Select(row => row.Name));

    /// <summary>The type called <paramref name="name"/>, or null. Case matters.</summary>
    public static SafetensorsDType? Find(string name)
    {
        foreach ((SafetensorsDType type, string known, _) in s_all)
        {
            if (known == name)
            {
                return type;
            }
        }

        return null;
    }

    /// <summary>The name in the header.</summary>
    public static string NameOf(SafetensorsDType type) => s_all[(int)type].Name;

    /// <summary>Bits per element; 4 and 6 occur.</summary>
    public static int BitsOf(SafetensorsDType type) => s_all[(int)type].Bits;

    /// <summary>The type a tensor is written as.</summary>
    public static SafetensorsDType Of(DType type) => type switch
    {
        DType.F32 => SafetensorsDType.F32,
        DType.BF16 => SafetensorsDType.BF16,
        DType.Int8 => SafetensorsDType.I8,
        _ => SafetensorsDType.I32, // eight values in one
    };
}
