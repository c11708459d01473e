namespace Cinnabar.Diffusion;

/// <summary>An estimate and its standard error, in nats.</summary>
/// <param name="Nats">Mean or sum of the samples.</param>
/// <param name="StandardError">Standard deviation of <paramref name="Nats"/>; 0 for one sample.</param>
public readonly record struct LikelihoodEstimate(double Nats, double StandardError)
{
    /// <summary>The estimate per byte in bits.</summary>
    public LikelihoodEstimate BitsPer(long bytes) => new(Nats / bytes / Math.Log(2), StandardError / bytes / Math.Log(2));

    /// <summary>The mean of independent samples, at least one.</summary>
    public static LikelihoodEstimate MeanOf(IReadOnlyCollection<double> samples)
    {
        // In two passes: the mean square less the squared mean would leave rounding noise where all samples are equal.
        double mean = samples.Average();
        double squares = samples.Sum(sample => (sample - mean) * (sample - mean));
        return new LikelihoodEstimate(mean, samples.Count < 2 ? 0 : Math.Sqrt(squares / (samples.Count - 1) / samples.Count));
    }

    /// <summary>The sum of independent samples, at least one.</summary>
    internal static LikelihoodEstimate SumOf(double[] samples)
    {
        LikelihoodEstimate mean = MeanOf(samples);
        return new LikelihoodEstimate(mean.Nats * samples.Length, mean.StandardError * samples.Length);
    }
}
