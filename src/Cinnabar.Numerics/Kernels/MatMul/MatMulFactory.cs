using System.Runtime.Intrinsics;
using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Chooses the form of the matrix product.</summary>
public static class MatMulFactory
{
    /// <summary>Makes the best product this machine can run, or the one asked for.</summary>
    /// <param name="form">The form wanted; null: <see cref="KernelForms.FromEnvironment"/>, else the fastest.</param>
    /// <param name="workers">Threads that share a product.</param>
    /// <param name="reason">One line: what was chosen and why.</param>
    /// <returns>The product; <see cref="KernelForm.Vector"/> where <see cref="KernelForm.Jit"/> is impossible.</returns>
    public static IMatMul Create(KernelForm? form, WorkerPool workers, out string reason)
    {
        KernelForm? forced = form ?? KernelForms.FromEnvironment();
        if (forced == KernelForm.Reference)
        {
            reason = "matmul: scalar reference, as asked";
            return new ReferenceMatMul();
        }

        string obstacle = "as asked";
        if (forced != KernelForm.Vector && TryCreateJit(workers, out obstacle) is IMatMul assembled)
        {
            reason = $"matmul: {obstacle}";
            return assembled;
        }

        TileKernel kernel = Vector512.IsHardwareAccelerated ? new VectorTileKernel<Vector512Floats>()
            : Vector256.IsHardwareAccelerated ? new VectorTileKernel<Vector256Floats>()
            : new VectorTileKernel<Vector128Floats>();
        reason = $"matmul: vector, tile {kernel.Rows} × {kernel.Columns}, {obstacle}";
        return new PackedMatMul(workers, kernel);
    }

    private static PackedMatMul? TryCreateJit(WorkerPool workers, out string reason)
    {
        if (!CpuFeatures.HasAvx2)
        {
            reason = "assembled code needs an x64 processor with AVX2 and FMA";
            return null;
        }

        if (JitTileKernel.TryCreate(TileShape.OfFloats, out reason) is not { } floats)
        {
            return null;
        }

        JitTileKernel? pairs = TileShape.OfBFloat16 is { } ofPairs ? JitTileKernel.TryCreate(ofPairs, out _) : null;
        JitTileKernel? shorts = TileShape.OfInt16 is { } ofShorts ? JitTileKernel.TryCreate(ofShorts, out _) : null;
        JitTileKernel? bytes = TileShape.OfInt8 is { } ofBytes ? JitTileKernel.TryCreate(ofBytes, out _) : null;
        reason = $"jit, {(CpuFeatures.HasAvx512 ? "AVX-512" : "AVX2")} FMA, tile {floats.Rows} × {floats.Columns}; BF16 by "
            + (pairs is null ? "rounding operands to BF16 in F32 (no AVX512_BF16)" : "vdpbf16ps")
            + "; integers by " + (bytes is not null ? "vpdpwssd and vpdpbusd"
                : shorts is not null ? "vpmaddwd (no VNNI)" : "rounding operands in F32 (no VNNI)");
        return new PackedMatMul(workers, floats, pairs, shorts, bytes);
    }
}
