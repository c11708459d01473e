// Rotary position embedding (Su et al. 2021, RoFormer), half-split layout ("rotate_half", as LLaDA and GPT-NeoX):
//   for j < D/2, θ = p · base^(−2j/D):   y[j] = x[j]·cos θ − x[j+D/2]·sin θ,   y[j+D/2] = x[j+D/2]·cos θ + x[j]·sin θ
// Backward is the rotation by −θ.  x: [T, H·D]; position p of row t is t mod sequenceLength.
// Angles are computed in double and stored as F32.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Rotates every head of every row by its position, in place.</summary>
public interface IRotary
{
    /// <summary>Rotates by +θ.</summary>
    /// <param name="x">[T, H·D], changed in place.</param>
    /// <param name="angles">Cosines and sines of at least <paramref name="sequenceLength"/> positions.</param>
    /// <param name="sequenceLength">Rows of one sequence; T is a multiple of it.</param>
    void Forward(Tensor x, RotaryAngles angles, int sequenceLength);

    /// <summary>Rotates the gradient by −θ, in place.</summary>
    void Backward(Tensor dX, RotaryAngles angles, int sequenceLength);
}

/// <summary>cos and sin of position × frequency.</summary>
public sealed class RotaryAngles
{
    /// <summary>Tabulates positions 0 … <paramref name="positions"/> − 1.</summary>
    /// <param name="positions">Number of positions.</param>
    /// <param name="headSize">D, even.</param>
    /// <param name="theta">Base of the frequencies, e.g. 10 000 or 500 000.</param>
    public RotaryAngles(int positions, int headSize, double theta)
    {
        int half = headSize / 2;
        HeadSize = headSize;
        Positions = positions;
        Cos = Tensor.Zeros(positions, half);
        Sin = Tensor.Zeros(positions, half);
        for (int p = 0; p < positions; p++)
        {
            for (int j = 0; j < half; j++)
            {
                double angle = p * Math.Pow(theta, -2.0 * j / headSize);
                Cos.Row(p)[j] = (float)Math.Cos(angle);
                Sin.Row(p)[j] = (float)Math.Sin(angle);
            }
        }
    }

    /// <summary>D.</summary>
    public int HeadSize { get; }

    /// <summary>Number of tabulated positions.</summary>
    public int Positions { get; }

    /// <summary>[positions, D/2].</summary>
    public Tensor Cos { get; }

    /// <summary>[positions, D/2].</summary>
    public Tensor Sin { get; }
}
