// What assembled code may use. The runtime's own checks cover AVX2 + FMA and AVX-512 F/BW/DQ/VL, including whether the operating
// system saves the registers (XCR0), and honour DOTNET_EnableAVX2=0 and DOTNET_EnableAVX512=0. AVX512_BF16, AVX512_VNNI and AVX-VNNI are
// asked for here: CPUID leaf 7, subleaf 1, EAX bit 5; subleaf 0, ECX bit 11; subleaf 1, EAX bit 4 (Intel SDM vol. 2A, CPUID).
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Jit;

/// <summary>Instruction sets for assembled kernels.</summary>
internal static class CpuFeatures
{
    internal static bool HasAvx2 => X86Base.X64.IsSupported && Avx2.IsSupported && Fma.IsSupported;

    internal static bool HasAvx512 => X86Base.X64.IsSupported && Avx512F.IsSupported && Avx512BW.IsSupported;

    internal static bool HasBFloat16 { get; } = HasAvx512 && HasBitOfSubleaf1(5);

    /// <summary>Sums of products of 8-bit and 16-bit integers on 256-bit registers, without AVX-512.</summary>
    internal static bool HasAvxVnni { get; } = HasAvx2 && HasBitOfSubleaf1(4);

    /// <summary>Sums of products of 8-bit and 16-bit integers on 512-bit registers.</summary>
    internal static bool HasVnni { get; } = HasAvx512 && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    private static bool HasBitOfSubleaf1(int bit)
    {
        (int maxSubleaf, _, _, _) = X86Base.CpuId(7, 0);
        return maxSubleaf >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << bit)) != 0;
    }
}
