using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Tests.Latents;

/// <summary>A mixture of Gaussians on the line, every latent a draw of its own, and the exact E[x | z].</summary>
internal sealed class Mixture(GaussianSchedule schedule, params (double Weight, double Mean, double Deviation)[] parts) : ILatentDenoiser
{
    public int Passes { get; private set; }

    public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean)
    {
        Passes++;
        (double signal, double noise) = (schedule.Signal(t), schedule.Noise(t));
        Span<double> logs = stackalloc double[parts.Length];
        for (int i = 0; i < noisy.Length; i++)
        {
            double sum = 0;
            double mean = 0;
            double most = double.NegativeInfinity;
            for (int k = 0; k < parts.Length; k++)
            {
                // z is normal within a part, around α μ.
                double variance = (signal * signal * parts[k].Deviation * parts[k].Deviation) + (noise * noise);
                double away = noisy[i] - (signal * parts[k].Mean);
                logs[k] = Math.Log(parts[k].Weight) - (0.5 * Math.Log(variance)) - (away * away / (2 * variance));
                most = Math.Max(most, logs[k]);
            }

            for (int k = 0; k < parts.Length; k++)
            {
                double variance = (signal * signal * parts[k].Deviation * parts[k].Deviation) + (noise * noise);
                double gain = signal * parts[k].Deviation * parts[k].Deviation / variance;
                double weight = Math.Exp(logs[k] - most);
                sum += weight;
                mean += weight * (parts[k].Mean + (gain * (noisy[i] - (signal * parts[k].Mean))));
            }

            clean[i] = (float)(mean / sum);
        }
    }

    /// <summary>P(x ≤ at).</summary>
    public double Below(double at) => parts.Sum(part => part.Weight * Normal((at - part.Mean) / part.Deviation));

    /// <summary>Largest distance of the draws' distribution from the exact one (Kolmogorov and Smirnov).</summary>
    public double DistanceOf(float[] draws)
    {
        float[] sorted = [.. draws.Order()];
        double distance = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            double below = Below(sorted[i]);
            double step = 1.0 / sorted.Length;
            distance = Math.Max(distance, Math.Max(Math.Abs(below - (i * step)), Math.Abs(below - ((i + 1) * step))));
        }

        return distance;
    }

    // Φ by Simpson's rule, to 1e-9 on the range that matters.
    private static double Normal(double x)
    {
        if (Math.Abs(x) > 8)
        {
            return x < 0 ? 0 : 1;
        }

        const int Pieces = 200;
        double step = x / Pieces;
        double sum = Density(0) + Density(x);
        for (int i = 1; i < Pieces; i++)
        {
            sum += (i % 2 == 0 ? 2 : 4) * Density(i * step);
        }

        return 0.5 + (sum * step / 3);
    }

    private static double Density(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
}
