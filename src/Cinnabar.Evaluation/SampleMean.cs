namespace Cinnabar.Evaluation;

/// <summary>A mean and its standard error s / √n, s the sample's standard deviation (for zeros and ones, the binomial error).</summary>
/// <param name="Mean">Mean of the sample; 0 for an empty one.</param>
/// <param name="StandardError">0 for fewer than two values.</param>
public readonly record struct SampleMean(double Mean, double StandardError)
{
    /// <summary>The mean of <paramref name="values"/>, taken as independent.</summary>
    public static SampleMean Of(IReadOnlyCollection<double> values)
    {
        if (values.Count < 2)
        {
            return new SampleMean(values.Sum(), 0);
        }

        double mean = values.Average();
        double variance = values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1);
        return new SampleMean(mean, Math.Sqrt(variance / values.Count));
    }
}
