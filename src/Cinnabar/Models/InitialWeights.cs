using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>
/// Random weights: normal with deviation 0.02, divided by √(2·layers) for the two projections that write into the residual stream
/// (Radford et al. 2019, GPT-2); norms are 1, biases 0.
/// </summary>
public static class InitialWeights
{
    private const double Deviation = 0.02;

    /// <summary>Draws them.</summary>
    /// <param name="weights">Names and shapes.</param>
    /// <param name="layers">Blocks that add to one residual stream.</param>
    /// <param name="seed">Decides all of them.</param>
    public static Dictionary<string, Tensor> Draw(IEnumerable<NetworkWeight> weights, int layers, ulong seed)
    {
        Dictionary<string, Tensor> drawn = [];
        DeterministicRandom random = new(seed);
        foreach (NetworkWeight weight in weights)
        {
            Tensor tensor = Tensor.Zeros(weight.Shape);
            bool writesResidual = weight.Part is "attn_out" or "ff_out";
            double deviation = writesResidual ? Deviation / Math.Sqrt(2.0 * layers) : Deviation;
            foreach (ref float value in tensor.Floats)
            {
                value = weight.IsBias ? 0 : weight.Shape.Length == 1 ? 1f : (float)(deviation * random.NextGaussian());
            }

            drawn.Add(weight.Name, tensor);
        }

        return drawn;
    }
}
