// Codes follow the mean of the latents that chose them (VQ-VAE, van den Oord et al. 2017, appendix A.1):
//
//   N ← γ N + (1 − γ) n      m ← γ m + (1 − γ) Σ z      e = m / N        n, Σ z: of the latents of this step that chose the code
//
// A code that is chosen by less than a hundredth of its share is dead and becomes a latent of this step (Dhariwal et al. 2020, Jukebox), as
// all of them do in the first step, when there is no data yet. N and m lie where the moments of AdamW do for other tensors: both are what
// moves the tensor. N is the same number in every column of a code.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Training.Networks;

/// <summary>Moves the codes of a run.</summary>
/// <param name="state">Codes, sums and counts.</param>
/// <param name="shape">G, K, d.</param>
/// <param name="decay">γ.</param>
internal sealed class CodebookUpdate(TrainingCheckpoint state, LatentShape shape, double decay)
{
    private const double DeadShare = 0.01;

    private readonly int _width = shape.Size / shape.CodebookGroups;
    private readonly double[] _counts = new double[shape.CodebookGroups * shape.CodebookSize];
    private readonly double[] _sums = new double[shape.Size * shape.CodebookSize];
    private readonly List<float> _seen = [];

    /// <summary>Remembers what the latents of a pass chose.</summary>
    /// <param name="latents">[M, d].</param>
    /// <param name="codes">[M·G].</param>
    public void Add(Tensor latents, ReadOnlySpan<int> codes)
    {
        ReadOnlySpan<float> values = latents.Floats[..(codes.Length * _width)];
        _seen.AddRange(values);
        for (int i = 0; i < codes.Length; i++)
        {
            int code = (i % shape.CodebookGroups * shape.CodebookSize) + codes[i];
            _counts[code]++;
            for (int c = 0; c < _width; c++)
            {
                _sums[(code * _width) + c] += values[(i * _width) + c];
            }
        }
    }

    /// <summary>Moves the codes by all that was added since the last time.</summary>
    /// <param name="random">Chooses the latents that dead codes become.</param>
    public void Move(DeterministicRandom random)
    {
        Span<float> codes = state.Weights[LatentWeights.Codebook].Floats;
        Span<float> sums = state.FirstMoments[LatentWeights.Codebook].Floats;
        Span<float> counts = state.SecondMoments[LatentWeights.Codebook].Floats;
        int latents = _seen.Count / shape.Size;
        double share = (double)latents / shape.CodebookSize;
        for (int code = 0; code < _counts.Length; code++)
        {
            int first = code * _width;
            double count = (decay * counts[first]) + ((1 - decay) * _counts[code]);
            int chosen = counts[first] == 0 || count < DeadShare * share ? random.NextInt(latents) : -1;
            int group = code / shape.CodebookSize;
            for (int c = 0; c < _width; c++)
            {
                double sum = (decay * sums[first + c]) + ((1 - decay) * _sums[first + c]);
                if (chosen >= 0)
                {
                    (count, sum) = (share, share * _seen[(chosen * shape.Size) + (group * _width) + c]);
                }

                sums[first + c] = (float)sum;
                counts[first + c] = (float)count;
                codes[first + c] = (float)(sum / count);
            }
        }

        codes.CopyTo(state.Averages[LatentWeights.Codebook].Floats);
        Array.Clear(_counts);
        Array.Clear(_sums);
        _seen.Clear();
    }
}
