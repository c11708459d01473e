// What a GPU can do, measured on itself: the rates that everything else is compared with. Times are those of the device's own clock between
// two events with many calls between them, and as many before, which keep the device busy while the host issues these; the median of
// several. Weights rotate, so that none is found in the cache.
using Cinnabar.Numerics.Cuda.Interop;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Times copies and matrix products on a GPU.</summary>
public sealed class CudaBenchmark
{
    private const int Repeats = 5;
    private const int WarmUps = 4; // behind which what is repeated runs as a graph
    private const int CallsAtOnce = 16;
    private const int PatternElements = 65_521; // a prime, so that rows differ
    private const float ScaleOfIntegers = 0.01f;
    private const int GroupOfInt4 = 128; // as most checkpoints have
    private const int CopiedElements = 1 << 28;
    private const long RotatedBytes = 400 << 20; // several times the second-level cache

    private readonly KernelTable _kernels;
    private readonly CudaDevice _device;
    private readonly Tensor _pattern;

    /// <summary>Prepares measurements.</summary>
    /// <param name="kernels">Of a GPU.</param>
    /// <exception cref="ArgumentException">They are those of another device.</exception>
    public CudaBenchmark(KernelTable kernels)
    {
        _kernels = kernels;
        _device = kernels.Device as CudaDevice ?? throw new ArgumentException("Expected the kernels of a GPU.", nameof(kernels));
        Random random = new(1);
        _pattern = Tensor.Zeros(PatternElements);
        foreach (ref float value in _pattern.Floats)
        {
            value = (float)(random.NextDouble() - 0.5);
        }
    }

    /// <summary>Bytes read and written by a large copy, in a second.</summary>
    public double CopyBytesPerSecond()
    {
        nint from = _device.Allocate((long)CopiedElements * sizeof(float));
        nint to = _device.Allocate((long)CopiedElements * sizeof(float));
        double seconds = Median(_ => _device.Copy(from, to, CopiedElements));
        _device.Memory.Free(from, (long)CopiedElements * sizeof(float));
        _device.Memory.Free(to, (long)CopiedElements * sizeof(float));
        return 2.0 * CopiedElements * sizeof(float) / seconds;
    }

    /// <summary>Times X[M, K]·Wᵀ for a weight W [N, K], result F32.</summary>
    /// <param name="m">M.</param>
    /// <param name="n">N.</param>
    /// <param name="k">K.</param>
    /// <param name="type">
    /// Of the weight: BF16, as which X is rounded once before; Int8 with a scale a row or Int4 with one for 128 columns, and X becomes Int8
    /// every time.
    /// </param>
    /// <returns>Seconds, and the bytes of the weight on the device, scales included.</returns>
    public (double Seconds, long WeightBytes) TimeProduct(int m, int n, int k, DType type = DType.BF16)
    {
        Tensor x = Made(DType.F32, m, k);
        Tensor y = Tensor.Zeros(m, n);
        int count = (int)Math.Clamp(RotatedBytes / Tensor.BytesOf(type, (long)n * k), 1, CallsAtOnce);
        PackedMatrix[] weights = [.. Enumerable.Range(0, count).Select(_ => Packed(type, n, k))];
        double seconds = Median(i => _kernels.MatMul.Multiply(x.AsMatrix(), weights[i % count], y.AsMatrix(), accumulate: false));
        return (seconds, weights[0].Bytes);
    }

    /// <summary>Where the time of something goes.</summary>
    /// <returns>Of each kernel and product: how often, and how many seconds in all; the longest first.</returns>
    public IReadOnlyList<(string Name, int Count, double Seconds)> Profile(Action run) =>
    [
        .. _device.Trace(run)
            .GroupBy(command => command.Name)
            .Select(group => (group.Key, group.Count(), group.Sum(command => command.Seconds)))
            .OrderByDescending(row => row.Item3),
    ];

    private PackedMatrix Packed(DType type, int n, int k)
    {
        PackedMatrix? packed = null;
        MatMulPrecision precision = type == DType.BF16 ? MatMulPrecision.BF16 : MatMulPrecision.Int8;
        _kernels.MatMul.Pack(Made(type, n, k).AsMatrix().Transposed, precision, ref packed);
        return packed!;
    }

    private Tensor Made(DType type, int rows, int columns)
    {
        Tensor tensor = Tensor.Zeros(type, type == DType.Int4 ? GroupOfInt4 : columns, [rows, columns]);
        tensor.Scales?.Floats.Fill(ScaleOfIntegers);
        Span<byte> pattern = _pattern.To(type.IsInteger() ? DType.Int8 : type).Bytes;
        Span<byte> bytes = tensor.Bytes;
        for (int at = 0; at < bytes.Length; at += pattern.Length)
        {
            pattern[..Math.Min(pattern.Length, bytes.Length - at)].CopyTo(bytes[at..]);
        }

        return tensor;
    }

    private double Median(Action<int> run)
    {
        for (int i = 0; i < WarmUps; i++)
        {
            CallAll();
            _device.Finish();
        }

        CudaDriver.Check(CudaDriver.cuEventCreate(out nint start, 0), "cuEventCreate");
        CudaDriver.Check(CudaDriver.cuEventCreate(out nint end, 0), "cuEventCreate");
        double[] seconds = new double[Repeats];
        for (int i = 0; i < Repeats; i++)
        {
            CallAll();
            CudaDriver.Check(CudaDriver.cuEventRecord(start, _device.Stream()), "cuEventRecord");
            CallAll();
            CudaDriver.Check(CudaDriver.cuEventRecord(end, _device.Stream()), "cuEventRecord");
            CudaDriver.Check(CudaDriver.cuEventSynchronize(end), "cuEventSynchronize");
            CudaDriver.Check(CudaDriver.cuEventElapsedTime(out float milliseconds, start, end), "cuEventElapsedTime");
            seconds[i] = milliseconds / 1e3 / CallsAtOnce;
        }

        Array.Sort(seconds);
        return seconds[Repeats / 2];

        void CallAll()
        {
            for (int i = 0; i < CallsAtOnce; i++)
            {
                run(i);
            }
        }
    }
}
