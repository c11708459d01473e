// How one element is read: from F32 or BF16 memory to the 32 bits of an F32. What becomes of it in a panel is PanelForm's matter.
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Kernels;

internal unsafe interface IPanelElement
{
    /// <summary>Bytes of a stored element.</summary>
    static abstract int Size { get; }

    static abstract uint One(byte* source);

    static abstract Vector128<uint> Four(byte* source);

    static abstract Vector256<uint> Eight(byte* source);

    static abstract Vector512<uint> Sixteen(byte* source);
}

internal readonly unsafe struct FloatElement : IPanelElement
{
    public static int Size => sizeof(float);

    public static uint One(byte* source) => *(uint*)source;

    public static Vector128<uint> Four(byte* source) => Vector128.Load((uint*)source);

    public static Vector256<uint> Eight(byte* source) => Vector256.Load((uint*)source);

    public static Vector512<uint> Sixteen(byte* source) => Vector512.Load((uint*)source);
}

internal readonly unsafe struct BFloat16Element : IPanelElement
{
    public static int Size => sizeof(ushort);

    public static uint One(byte* source) => (uint)*(ushort*)source << 16;

    // 64 bits hold four elements; a full 128-bit load could pass the end of the tensor.
    public static Vector128<uint> Four(byte* source) =>
        Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)source).AsUInt16()) << 16;

    public static Vector256<uint> Eight(byte* source) => Vector256.WidenLower(Vector128.Load((ushort*)source).ToVector256Unsafe()) << 16;

    public static Vector512<uint> Sixteen(byte* source) => Vector512.WidenLower(Vector256.Load((ushort*)source).ToVector512Unsafe()) << 16;
}
