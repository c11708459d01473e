// The random numbers of a run of uniform noise. A slot is a position of a canvas; steps count from 1, the noise that a canvas starts from
// is that of step 0. An interface, so that a run can be repeated with the draws of another program.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Where tokens drawn for canvases of uniform noise come from. May be asked by several threads at once.</summary>
public interface IUniformDraws
{
    /// <summary>A token of noise, each of the vocabulary equally likely.</summary>
    /// <param name="canvas">Number of the canvas, from 0.</param>
    /// <param name="step">Number of the step on this canvas; 0: before the first.</param>
    /// <param name="slot">Position on the canvas.</param>
    /// <param name="vocabularySize">V.</param>
    int Noise(int canvas, int step, int slot, int vocabularySize);

    /// <summary>A token drawn from a distribution.</summary>
    /// <param name="canvas">Number of the canvas, from 0.</param>
    /// <param name="step">Number of the step on this canvas, from 1.</param>
    /// <param name="slot">Position on the canvas.</param>
    /// <param name="weights">[V], not negative: probabilities times <paramref name="sum"/>.</param>
    /// <param name="sum">Their sum.</param>
    int Sample(int canvas, int step, int slot, ReadOnlySpan<double> weights, double sum);
}

/// <summary>Draws that are looked up by (seed, canvas, step, slot).</summary>
/// <param name="seed">Start of the random numbers.</param>
/// <param name="canvasLength">Slots of a canvas.</param>
internal sealed class SeededDraws(ulong seed, int canvasLength) : IUniformDraws
{
    private const ulong OfNoise = 0;
    private const ulong OfSample = 1;

    public int Noise(int canvas, int step, int slot, int vocabularySize) =>
        (int)(At(canvas, step, slot).Unit(OfNoise) * vocabularySize);

    // By inversion: the first token at which the sum of the weights exceeds u · sum.
    public int Sample(int canvas, int step, int slot, ReadOnlySpan<double> weights, double sum)
    {
        double rest = At(canvas, step, slot).Unit(OfSample) * sum;
        int last = 0;
        for (int id = 0; id < weights.Length; id++)
        {
            if (weights[id] > 0)
            {
                rest -= weights[id];
                last = id;
                if (rest < 0)
                {
                    break;
                }
            }
        }

        return last; // rounding may leave a rest behind the last token
    }

    private CounterRandom At(int canvas, int step, int slot) => new(seed, step, (canvas * canvasLength) + slot);
}
