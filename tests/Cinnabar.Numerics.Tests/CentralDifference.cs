namespace Cinnabar.Numerics.Tests;

/// <summary>Gradients of a scalar function in double: (f(x + h) − f(x − h)) / 2h for one element at a time.</summary>
internal static class CentralDifference
{
    private const double H = 1e-5;

    public static double[] Gradient(double[] x, Func<double> f)
    {
        double[] gradient = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            double at = x[i];
            x[i] = at + H;
            double above = f();
            x[i] = at - H;
            double below = f();
            x[i] = at;
            gradient[i] = (above - below) / (2 * H);
        }

        return gradient;
    }

    public static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.Floats.ToArray(), x => (double)x);

    /// <summary>Σ weight·value: makes one number of an output, so that its gradient is <paramref name="weight"/>.</summary>
    public static double Weighted(double[] weight, double[] value) => weight.Zip(value, (w, v) => w * v).Sum();
}
