using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Tests.Kernels;

/// <summary>Every form of the matrix product that can run here, by name.</summary>
internal static class MatMulForms
{
    public static TheoryData<string> All =>
    [
        "vector 128",
        "vector 256",
        "vector 512",
        .. CpuFeatures.HasAvx2 ? ["jit AVX2"] : Array.Empty<string>(),
        .. CpuFeatures.HasAvx2 ? ["jit AVX2 integers"] : Array.Empty<string>(),
        .. CpuFeatures.HasAvxVnni ? ["jit AVX-VNNI"] : Array.Empty<string>(),
        .. CpuFeatures.HasAvx512 ? ["jit AVX-512"] : Array.Empty<string>(),
        .. CpuFeatures.HasBFloat16 ? ["jit AVX512_BF16"] : Array.Empty<string>(),
        .. CpuFeatures.HasVnni ? ["jit AVX512_VNNI"] : Array.Empty<string>(),
    ];

    /// <summary>A product of that form on the pool.</summary>
    public static IMatMul Create(string form, WorkerPool workers) => form switch
    {
        "vector 128" => new PackedMatMul(workers, new VectorTileKernel<Vector128Floats>()),
        "vector 256" => new PackedMatMul(workers, new VectorTileKernel<Vector256Floats>()),
        "vector 512" => new PackedMatMul(workers, new VectorTileKernel<Vector512Floats>()),
        "jit AVX2" => new PackedMatMul(workers, Assembled(TileShape.Avx2)),
        "jit AVX2 integers" => new PackedMatMul(workers, Assembled(TileShape.Avx2), null, Assembled(TileShape.Avx2Int16)),
        "jit AVX-VNNI" => new PackedMatMul(
            workers, Assembled(TileShape.Avx2), null, Assembled(TileShape.AvxVnniInt16), Assembled(TileShape.AvxVnniInt8)),
        "jit AVX-512" => new PackedMatMul(workers, Assembled(TileShape.Avx512)),
        "jit AVX512_BF16" => new PackedMatMul(workers, Assembled(TileShape.Avx512), Assembled(TileShape.Avx512BFloat16)),
        _ => new PackedMatMul(
            workers, Assembled(TileShape.Avx512), null, Assembled(TileShape.Avx512Int16), Assembled(TileShape.Avx512Int8)),
    };

    public static JitTileKernel Assembled(TileShape shape)
    {
        JitTileKernel? kernel = JitTileKernel.TryCreate(shape, out string reason);
        Assert.True(kernel is not null, reason);
        return kernel;
    }
}
