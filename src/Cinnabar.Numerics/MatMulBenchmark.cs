// How fast matrix products of given shapes run, as a share of the machine's peak.
//
// Clocks move and neighbours come and go, so the peak is measured beside every product: each of several rounds takes a sample of the peak
// and a sample of the product, and both figures are medians over the rounds. Packing is part of a product's time, but for weights, which
// inference packs once.
using System.Diagnostics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics;

/// <summary>A product to measure: C[M, N] (+)= op(A)·op(B).</summary>
/// <param name="Name">What the product is for.</param>
/// <param name="M">Rows of the result.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="N">Columns of the result.</param>
/// <param name="TransposeA">A is stored as [K, M].</param>
/// <param name="TransposeB">B is stored as [N, K].</param>
/// <param name="Accumulate">Adds to C.</param>
/// <param name="Weight">B is a weight Wᵀ of this type, packed once; null: B is F32 and packed each time.</param>
/// <param name="GroupSize">Of a weight of integers: values of K with a common scale.</param>
public sealed record MatMulCase(
    string Name,
    int M,
    int K,
    int N,
    bool TransposeA = false,
    bool TransposeB = false,
    bool Accumulate = false,
    DType? Weight = null,
    int GroupSize = 0);

/// <summary>One measured product.</summary>
/// <param name="Case">What was measured.</param>
/// <param name="Precision">Rounding of its operands.</param>
/// <param name="GigaflopsPerSecond">2·M·K·N over the time, packing included.</param>
/// <param name="PeakGigaflopsPerSecond">Peak of the same threads at the same precision, measured in the same rounds.</param>
public sealed record MatMulResult(MatMulCase Case, MatMulPrecision Precision, double GigaflopsPerSecond, double PeakGigaflopsPerSecond);

/// <summary>Measures products against the peak.</summary>
public sealed class MatMulBenchmark
{
    private const int Rounds = 9;
    private const double SecondsPerSample = 0.03;

    private readonly KernelTable _kernels;
    private readonly MachinePeak _peak;

    /// <summary>Measures on one table.</summary>
    public MatMulBenchmark(KernelTable kernels, MachinePeak peak)
    {
        _kernels = kernels;
        _peak = peak;
    }

    /// <summary>Measures one product at one precision, about half a second.</summary>
    public MatMulResult Measure(MatMulCase product, MatMulPrecision precision)
    {
        Matrix a = Operand(product.M, product.K, product.TransposeA);
        Matrix b = Operand(product.K, product.N, product.TransposeB || product.Weight is not null);
        PackedMatrix? packed = null;
        if (product.Weight is DType type)
        {
            Tensor weight = type.IsInteger() ? b.Storage.Quantize(type, product.GroupSize) : b.Storage.To(type);
            _kernels.MatMul.Pack(weight.AsMatrix().Transposed, precision, ref packed);
        }

        Matrix c = Tensor.Zeros(product.M, product.N).AsMatrix();
        double operations = 2.0 * product.M * product.K * product.N;
        Run(1);
        int repeats = Math.Max(1, (int)(SecondsPerSample / Run(1)));
        double[] rates = new double[Rounds];
        double[] peaks = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            peaks[round] = _peak.Sample(precision, SecondsPerSample);
            rates[round] = operations * repeats / Run(repeats) / 1e9;
        }

        return new MatMulResult(product, precision, Median(rates), Median(peaks));

        double Run(int times)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++)
            {
                if (packed is null)
                {
                    _kernels.MatMul.Multiply(a, b, c, product.Accumulate, precision);
                }
                else
                {
                    _kernels.MatMul.Multiply(a, packed, c, product.Accumulate);
                }
            }

            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    /// <summary>The middle of the values, or the mean of the two middle ones.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static Matrix Operand(int rows, int columns, bool transposed)
    {
        Tensor tensor = transposed ? Tensor.Zeros(columns, rows) : Tensor.Zeros(rows, columns);
        for (int i = 0; i < tensor.Count; i++)
        {
            tensor.Floats[i] = ((i * 7919) % 1000 / 500f) - 1f;
        }

        return transposed ? tensor.AsMatrix().Transposed : tensor.AsMatrix();
    }
}
