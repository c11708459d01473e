// A latent of d numbers in G parts of d/G, each replaced by the nearest of K codes of its own codebook (product quantisation, Jégou et al.
// 2011; VQ-VAE, van den Oord et al. 2017): a latent so becomes G small numbers. One codebook for all of a latent would have to hold a code
// for every few words; G of them hold K^G combinations.
//
//   ‖z − e‖² = ‖z‖² − 2 z·e + ‖e‖², of which ‖z‖² is the same for all codes, so nearest is the largest z·e − ‖e‖²/2: one product a part.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

/// <summary>Finds the codes of latents. Not thread-safe.</summary>
public sealed class VectorQuantizer
{
    private readonly LatentShape _shape;
    private readonly Tensor _codebook;
    private readonly KernelTable _kernels;
    private Tensor _scores = Tensor.Zeros(0);
    private float[] _halfNorms = [];

    /// <summary>Wraps the codes.</summary>
    /// <param name="shape">G, K, d.</param>
    /// <param name="codebook">[G·K, d/G], read anew each time.</param>
    /// <param name="kernels">Where products run.</param>
    public VectorQuantizer(LatentShape shape, Tensor codebook, KernelTable kernels) =>
        (_shape, _codebook, _kernels) = (shape, codebook, kernels);

    /// <summary>The nearest codes.</summary>
    /// <param name="latents">[M, d].</param>
    /// <returns>M·G numbers in 0 … K − 1.</returns>
    public int[] Nearest(Tensor latents)
    {
        (int rows, int groups, int codes) = (latents.Rows, _shape.CodebookGroups, _shape.CodebookSize);
        int width = _shape.Size / groups;
        int[] nearest = new int[rows * groups];
        _scores = _scores.Count == rows * codes ? _scores : Tensor.Zeros(rows, codes);
        MeasureCodes();
        for (int g = 0; g < groups; g++)
        {
            Matrix part = latents.AsMatrix().Slice(0, rows, g * width, width);
            Matrix book = _codebook.AsMatrix().Slice(g * codes, codes, 0, width);
            _kernels.MatMul.Multiply(part, book.Transposed, _scores.AsMatrix(), accumulate: false, MatMulPrecision.F32);
            ReadOnlySpan<float> halves = _halfNorms.AsSpan(g * codes, codes);
            for (int row = 0; row < rows; row++)
            {
                nearest[(row * groups) + g] = Best(_scores.Row(row), halves);
            }
        }

        return nearest;
    }

    /// <summary>Replaces latents by their nearest codes.</summary>
    /// <param name="latents">[M, d].</param>
    /// <returns>As <see cref="Nearest"/>.</returns>
    public int[] Replace(Tensor latents)
    {
        int[] codes = Nearest(latents);
        Lookup(codes, latents);
        return codes;
    }

    /// <summary>The codes themselves.</summary>
    /// <param name="codes">M·G numbers.</param>
    /// <param name="latents">Receives [M, d].</param>
    public void Lookup(ReadOnlySpan<int> codes, Tensor latents)
    {
        int groups = _shape.CodebookGroups;
        int width = _shape.Size / groups;
        for (int i = 0; i < codes.Length; i++)
        {
            _codebook.Row((i % groups * _shape.CodebookSize) + codes[i]).CopyTo(latents.Floats.Slice(i * width, width));
        }
    }

    private static int Best(ReadOnlySpan<float> scores, ReadOnlySpan<float> halves)
    {
        (int best, float most) = (0, float.NegativeInfinity);
        for (int k = 0; k < scores.Length; k++)
        {
            float score = scores[k] - halves[k];
            if (score > most)
            {
                (best, most) = (k, score);
            }
        }

        return best;
    }

    private void MeasureCodes()
    {
        _halfNorms = _halfNorms.Length == _codebook.Rows ? _halfNorms : new float[_codebook.Rows];
        for (int code = 0; code < _halfNorms.Length; code++)
        {
            float sum = 0;
            foreach (float value in _codebook.Row(code))
            {
                sum += value * value;
            }

            _halfNorms[code] = sum / 2;
        }
    }
}
