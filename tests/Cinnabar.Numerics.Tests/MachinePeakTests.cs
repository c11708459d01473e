using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests;

public sealed class MachinePeakTests
{
    [Fact]
    public void Sample_TwoPrecisions_AreRatesOfAProcessor()
    {
        using WorkerPool workers = new(1);
        if (MachinePeak.TryCreate(workers, out string reason) is not { } peak)
        {
            Assert.False(CpuFeatures.HasAvx2, reason);
            return;
        }

        // 0.5 GFLOP/s is a processor of the last century; pairs do twice the work or, without the instruction, the same. The bounds are
        // wide, as other programs may take the core in one of the samples.
        double floats = Best(MatMulPrecision.F32), pairs = Best(MatMulPrecision.BF16);
        Assert.InRange(floats, 0.5, 10_000);
        Assert.InRange(pairs, 0.2 * floats, 20 * floats);

        double Best(MatMulPrecision precision) => Enumerable.Range(0, 10).Max(_ => peak.Sample(precision, 0.002));
    }
}
