namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class CudaBenchmarkTests
{
    [CudaTheory]
    [InlineData(DType.BF16, 256 * 256 * 2)]
    [InlineData(DType.Int8, (256 * 256) + (256 * 4))]
    [InlineData(DType.Int4, (256 * 128) + (256 * 2 * 4))]
    public void Product_OfEveryTypeOfWeights_IsTimed(DType type, long bytes)
    {
        (double seconds, long weightBytes) = new CudaBenchmark(Comparison.Device).TimeProduct(16, 256, 256, type);
        Assert.True(seconds > 0);
        Assert.Equal(bytes, weightBytes);
    }
}
