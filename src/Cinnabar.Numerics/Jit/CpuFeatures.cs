// What assembled code may use. The runtime's own checks cover AVX2 + FMA and AVX-512 F/BW/DQ/VL, including whether the operating
// system saves the registers (XCR0), and honour DOTNET_EnableAVX2=0 and DOTNET_EnableAVX512=0. AVX512_BF16 and AVX512_VNNI are
// unknown to the runtime: CPUID leaf 7, subleaf 1, EAX bit 5 and subleaf 0, ECX bit 11 (Intel SDM vol. 2A, CPUID).
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Jit;

/// <summary>Instruction sets for assembled kernels.</summary>
internal static class CpuFeatures
{
    internal static bool HasAvx2 => X86Base.X64.IsSupported && Avx2.IsSupported && Fma.IsSupported;

    internal static bool HasAvx512 => X86Base.X64.IsSupported && Avx512F.IsSupported && Avx512BW.IsSupported;

    internal static bool HasBFloat16 { get; } = DetectBFloat16();

    /// <summary>Sums of products of 8-bit and 16-bit integers.</summary>
    internal static bool HasVnni { get; } = HasAvx512 && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    private static bool DetectBFloat16()
    {
        if (!HasAvx512)
        {
            return false;
        }

        (int maxSubleaf, _, _, _) = X86Base.CpuId(7, 0);
        (int eax, _, _, _) = X86Base.CpuId(7, 1);
        return maxSubleaf >= 1 && (eax & (1 << 5)) != 0;
    }
}
