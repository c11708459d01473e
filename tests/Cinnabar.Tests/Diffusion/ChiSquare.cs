namespace Cinnabar.Tests.Diffusion;

/// <summary>Pearson's test of counts against probabilities.</summary>
internal static class ChiSquare
{
    /// <summary>False if counts this far from the expected ones have a probability below about 1e-4.</summary>
    public static bool Fits(IReadOnlyList<double> counts, IEnumerable<double> probabilities)
    {
        double total = counts.Sum();
        double statistic = counts.Zip(probabilities, (n, p) => p == 0
            ? (n == 0 ? 0 : double.PositiveInfinity)
            : (n - (total * p)) * (n - (total * p)) / (total * p)).Sum();

        // Wilson and Hilferty: (χ²/k)^(1/3) is nearly normal with mean 1 − 2/(9k) and variance 2/(9k); 3.72 is its 1e-4 quantile.
        double k = Math.Max(1, counts.Count - 1);
        double limit = k * Math.Pow(1 - (2 / (9 * k)) + (3.72 * Math.Sqrt(2 / (9 * k))), 3);
        return statistic <= limit;
    }
}
