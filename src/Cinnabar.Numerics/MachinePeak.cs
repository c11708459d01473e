// The most multiply-adds per second this machine can do, the yardstick of every matrix product: PeakLoop on some cores at once.
// Where there is no BF16 instruction the BF16 peak is the F32 peak: the fastest this machine can multiply BF16 operands into F32 sums;
// likewise the int8 peak is the int16 peak without an instruction for bytes.
using System.Diagnostics;
using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics;

/// <summary>Measures the peak rate of the threads of a pool.</summary>
public sealed class MachinePeak
{
    private const int ItemsPerThread = 8;
    private const double SecondsPerRun = 0.02;
    private const int Runs = 10;

    private readonly WorkerPool _workers;
    private readonly PeakLoop _floats;
    private readonly PeakLoop _pairs;
    private readonly PeakLoop _shorts;
    private readonly PeakLoop _bytes;

    private MachinePeak(WorkerPool workers, PeakLoop floats, PeakLoop pairs, PeakLoop shorts, PeakLoop bytes)
    {
        _workers = workers;
        _floats = floats;
        _pairs = pairs;
        _shorts = shorts;
        _bytes = bytes;
    }

    /// <summary>Assembles the loops; null, with the reason, where that is impossible.</summary>
    /// <param name="workers">Threads that are measured together.</param>
    /// <param name="reason">Why there is no result.</param>
    public static MachinePeak? TryCreate(WorkerPool workers, out string reason)
    {
        reason = "assembled code needs an x64 processor with AVX2 and FMA";
        if (!CpuFeatures.HasAvx2)
        {
            return null;
        }

        PeakLoop? floats = PeakLoop.TryCreate(TileShape.OfFloats, out reason);
        PeakLoop? pairs = TileShape.OfBFloat16 is { } ofPairs ? PeakLoop.TryCreate(ofPairs, out reason) : floats;
        PeakLoop? shorts = TileShape.OfInt16 is { } ofShorts ? PeakLoop.TryCreate(ofShorts, out reason) : floats;
        PeakLoop? bytes = TileShape.OfInt8 is { } ofBytes ? PeakLoop.TryCreate(ofBytes, out reason) : shorts;
        return floats is null || pairs is null || shorts is null || bytes is null
            ? null
            : new MachinePeak(workers, floats, pairs, shorts, bytes);
    }

    /// <summary>The best of several short runs, about 0.2 s, in GFLOP/s (a multiply-add counts two).</summary>
    public double Measure(MatMulPrecision precision)
    {
        double best = 0;
        for (int run = 0; run < Runs; run++)
        {
            best = Math.Max(best, Sample(precision, SecondsPerRun));
        }

        return best;
    }

    /// <summary>One run of about <paramref name="seconds"/>, in GFLOP/s.</summary>
    public double Sample(MatMulPrecision precision, double seconds)
    {
        // 24 multiply-adds take 12 cycles; at 2.5 GHz that is 4.8 ns.
        const double SecondsPerIteration = 5e-9;
        PeakLoop loop = precision switch
        {
            MatMulPrecision.BF16 => _pairs,
            MatMulPrecision.Int16 => _shorts,
            MatMulPrecision.Int8 => _bytes,
            _ => _floats,
        };
        long iterations = Math.Max(1, (long)(seconds / SecondsPerIteration / ItemsPerThread));
        double[] operations = new double[_workers.Threads * ItemsPerThread];
        long start = Stopwatch.GetTimestamp();
        _workers.For(operations.Length, item => operations[item] = loop.Run(iterations));
        return operations.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }
}
