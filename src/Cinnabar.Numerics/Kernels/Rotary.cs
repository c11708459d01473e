// Rotary position embedding (Su et al. 2021, RoFormer), half-split layout ("rotate_half", as LLaDA and GPT-NeoX):
//   for j < R/2, θ = p · base^(−2j/R):   y[j] = x[j]·cos θ − x[j+R/2]·sin θ,   y[j+R/2] = x[j+R/2]·cos θ + x[j]·sin θ
// R = D, or less: the rest of each head is not rotated (partial rotary, as LLaDA2).
// Backward is the rotation by −θ.  x: [T, H·D]; position p of row t is t mod sequenceLength,
// or, at inference on some positions only, given.
// Angles are computed in double and stored as F32.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Rotates every head of every row by its position, in place.</summary>
public interface IRotary
{
    /// <summary>Rotates by +θ.</summary>
    /// <param name="x">[T, H·D], changed in place.</param>
    /// <param name="angles">Cosines and sines of at least <paramref name="sequenceLength"/> positions.</param>
    /// <param name="sequenceLength">Rows of one sequence; T is a multiple of it unless positions are given.</param>
    /// <param name="positions">[T], the position of each row, below <paramref name="sequenceLength"/>; empty: t mod sequenceLength.</param>
    void Forward(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions = default);

    /// <summary>Rotates the gradient by −θ, in place.</summary>
    void Backward(Tensor dX, RotaryAngles angles, int sequenceLength);
}

/// <summary>cos and sin of position × frequency.</summary>
public sealed class RotaryAngles
{
    /// <summary>Tabulates positions 0 … <paramref name="positions"/> − 1.</summary>
    /// <param name="positions">Number of positions.</param>
    /// <param name="headSize">D.</param>
    /// <param name="theta">Base of the frequencies, e.g. 10 000 or 500 000.</param>
    /// <param name="dimensions">R: the first dimensions of each head, even, which rotate; null: all.</param>
    public RotaryAngles(int positions, int headSize, double theta, int? dimensions = null)
        : this(positions, headSize, FrequenciesOf(theta, dimensions ?? headSize))
    {
    }

    /// <summary>Tabulates positions 0 … <paramref name="positions"/> − 1 for frequencies of their own.</summary>
    /// <param name="positions">Number of positions.</param>
    /// <param name="headSize">D.</param>
    /// <param name="frequencies">
    /// [R/2], radians a position: of j and j + R/2 in each head. Zero: the two do not rotate ("proportional" rotary).
    /// </param>
    public RotaryAngles(int positions, int headSize, ReadOnlySpan<double> frequencies)
    {
        int half = frequencies.Length;
        Dimensions = 2 * half;
        HeadSize = headSize;
        Positions = positions;
        Cos = Tensor.Zeros(positions, half);
        Sin = Tensor.Zeros(positions, half);
        for (int p = 0; p < positions; p++)
        {
            for (int j = 0; j < half; j++)
            {
                double angle = p * frequencies[j];
                Cos.Row(p)[j] = (float)Math.Cos(angle);
                Sin.Row(p)[j] = (float)Math.Sin(angle);
            }
        }
    }

    /// <summary>D.</summary>
    public int HeadSize { get; }

    /// <summary>R.</summary>
    public int Dimensions { get; }

    /// <summary>Number of tabulated positions.</summary>
    public int Positions { get; }

    /// <summary>[positions, R/2].</summary>
    public Tensor Cos { get; }

    /// <summary>[positions, R/2].</summary>
    public Tensor Sin { get; }

    private static double[] FrequenciesOf(double theta, int dimensions) =>
        [.. Enumerable.Range(0, dimensions / 2).Select(j => Math.Pow(theta, -2.0 * j / dimensions))];

    internal void Check(Tensor x, int sequenceLength, ReadOnlySpan<int> positions)
    {
        bool isWhole = positions.IsEmpty ? x.Rows % sequenceLength == 0 : x.Rows == positions.Length;
        if (x.Type != DType.F32 || x.Columns % HeadSize != 0 || !isWhole || sequenceLength > Positions)
        {
            throw new ArgumentException(
                $"Expected whole heads of {HeadSize} and sequences of {sequenceLength} of at most {Positions} rows, found {x}.", nameof(x));
        }

        Expect.Indices(positions, sequenceLength, nameof(positions));
    }
}

/// <summary>The definition.</summary>
internal sealed class ReferenceRotary : IRotary
{
    public void Forward(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions) =>
        Rotate(x, angles, sequenceLength, positions, 1);

    public void Backward(Tensor dX, RotaryAngles angles, int sequenceLength) => Rotate(dX, angles, sequenceLength, [], -1);

    private static void Rotate(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions, int direction)
    {
        angles.Check(x, sequenceLength, positions);
        int half = angles.Dimensions / 2;
        for (int t = 0; t < x.Rows; t++)
        {
            int position = positions.IsEmpty ? t % sequenceLength : positions[t];
            Span<float> cos = angles.Cos.Row(position);
            Span<float> sin = angles.Sin.Row(position);
            for (int head = 0; head < x.Columns; head += angles.HeadSize)
            {
                Span<float> first = x.Row(t).Slice(head, half);
                Span<float> second = x.Row(t).Slice(head + half, half);
                for (int j = 0; j < half; j++)
                {
                    double a = first[j];
                    double b = second[j];
                    first[j] = (float)((a * cos[j]) - (b * direction * sin[j]));
                    second[j] = (float)((b * cos[j]) + (a * direction * sin[j]));
                }
            }
        }
    }
}

/// <summary>One pass, split by row.</summary>
internal sealed unsafe class VectorRotary<TVec>(WorkerPool workers) : IRotary
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16;

    public void Forward(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions) =>
        Rotate(x, angles, sequenceLength, positions, 1);

    public void Backward(Tensor dX, RotaryAngles angles, int sequenceLength) => Rotate(dX, angles, sequenceLength, [], -1);

    private void Rotate(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions, float direction)
    {
        angles.Check(x, sequenceLength, positions);
        fixed (int* given = positions)
        {
            workers.For(x.Rows, Grain, new RotateBody(x, angles, sequenceLength, given, direction));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<V>(float* first, float* second, float* cos, float* sin, float direction)
        where V : struct, ISimd<V>
    {
        V a = V.Load(first);
        V b = V.Load(second);
        V c = V.Load(cos);
        V s = V.Load(sin) * V.Broadcast(direction);
        V.Store((a * c) - (b * s), first);
        V.Store((b * c) + (a * s), second);
    }

    // positions: null where none are given.
    private readonly struct RotateBody(Tensor x, RotaryAngles angles, int sequenceLength, int* positions, float direction) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int half = angles.Dimensions / 2;
            int headSize = angles.HeadSize;
            int columns = x.Columns;
            float sign = direction;
            for (int t = from; t < to; t++)
            {
                long angle = (long)(positions == null ? t % sequenceLength : positions[t]) * half;
                float* cos = angles.Cos.FloatPointer + angle;
                float* sin = angles.Sin.FloatPointer + angle;
                float* row = x.FloatPointer + ((long)t * columns);
                for (float* head = row; head < row + columns; head += headSize)
                {
                    int j = 0;
                    for (; j <= half - TVec.Width; j += TVec.Width)
                    {
                        Step<TVec>(head + j, head + half + j, cos + j, sin + j, sign);
                    }

                    for (; j < half; j++)
                    {
                        Step<ScalarVector>(head + j, head + half + j, cos + j, sin + j, sign);
                    }
                }
            }
        }
    }
}
