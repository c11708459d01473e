using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Tests.Latents;

/// <summary>
/// Sentences of three words, a chain in which some words never follow some others; each word is a point of the plane. The exact E[x | z] is
/// the mean of the points under the chain's posterior, by forward and backward sums.
/// </summary>
internal sealed class Grammar(GaussianSchedule schedule, int length) : ILatentDenoiser
{
    public const int Words = 3;

    public static readonly double[] First = [0.5, 0.3, 0.2];
    public static readonly double[][] Next = [[0, 0.7, 0.3], [0.5, 0, 0.5], [0.9, 0.1, 0]];
    private static readonly (double X, double Y)[] s_points = [(1, 0), (-0.5, 0.866), (-0.5, -0.866)];

    private readonly double[] _seen = new double[length * Words];
    private readonly double[] _ahead = new double[length * Words];
    private readonly double[] _behind = new double[length * Words];

    /// <summary>Latents of a sentence: two for a word.</summary>
    public int Width => 2 * length;

    public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean)
    {
        for (int start = 0; start < noisy.Length; start += Width)
        {
            DenoiseSentence(noisy.Slice(start, Width), t, clean.Slice(start, Width));
        }
    }

    /// <summary>The nearest word of each place.</summary>
    public static int[] WordsOf(ReadOnlySpan<float> latents)
    {
        int[] words = new int[latents.Length / 2];
        for (int i = 0; i < words.Length; i++)
        {
            (float x, float y) = (latents[2 * i], latents[(2 * i) + 1]);
            words[i] = Enumerable.Range(0, Words).MaxBy(word => (x * s_points[word].X) + (y * s_points[word].Y));
        }

        return words;
    }

    /// <summary>The probability of a sentence.</summary>
    public static double ProbabilityOf(IReadOnlyList<int> words) =>
        words.Skip(1).Zip(words, (word, last) => Next[last][word]).Aggregate(First[words[0]], (product, p) => product * p);

    private void DenoiseSentence(ReadOnlySpan<float> noisy, double t, Span<float> clean)
    {
        (double signal, double noise) = (schedule.Signal(t), schedule.Noise(t));
        for (int i = 0; i < length; i++)
        {
            Span<double> seen = _seen.AsSpan(i * Words, Words);
            for (int w = 0; w < Words; w++)
            {
                double x = noisy[2 * i] - (signal * s_points[w].X);
                double y = noisy[(2 * i) + 1] - (signal * s_points[w].Y);
                seen[w] = -((x * x) + (y * y)) / (2 * noise * noise);
            }

            double most = Math.Max(seen[0], Math.Max(seen[1], seen[2]));
            for (int w = 0; w < Words; w++)
            {
                seen[w] = Math.Exp(Math.Max(-600, seen[w] - most));
            }
        }

        for (int i = 0; i < length; i++)
        {
            for (int w = 0; w < Words; w++)
            {
                double before = First[w];
                for (int v = 0; i > 0 && v < Words; v++)
                {
                    before = (v == 0 ? 0 : before) + (_ahead[((i - 1) * Words) + v] * Next[v][w]);
                }

                _ahead[(i * Words) + w] = before * _seen[(i * Words) + w];
            }

            Normalise(_ahead.AsSpan(i * Words, Words));
        }

        for (int i = length - 1; i >= 0; i--)
        {
            for (int w = 0; w < Words; w++)
            {
                double after = i == length - 1 ? 1 : 0;
                for (int v = 0; i < length - 1 && v < Words; v++)
                {
                    after += Next[w][v] * _seen[((i + 1) * Words) + v] * _behind[((i + 1) * Words) + v];
                }

                _behind[(i * Words) + w] = after;
            }

            Normalise(_behind.AsSpan(i * Words, Words));
        }

        for (int i = 0; i < length; i++)
        {
            (double sum, double x, double y) = (0, 0, 0);
            for (int w = 0; w < Words; w++)
            {
                double weight = _ahead[(i * Words) + w] * _behind[(i * Words) + w];
                (sum, x, y) = (sum + weight, x + (weight * s_points[w].X), y + (weight * s_points[w].Y));
            }

            (clean[2 * i], clean[(2 * i) + 1]) = ((float)(x / sum), (float)(y / sum));
        }
    }

    private static void Normalise(Span<double> row)
    {
        double sum = row[0] + row[1] + row[2];
        for (int w = 0; w < Words; w++)
        {
            row[w] /= sum;
        }
    }
}
