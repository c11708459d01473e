// The operations of the plain networks, a loop each, in float64: linear map, RMS norm, layer norm, softmax, rotary embedding, attention,
// activations, and the measure of a difference. Nothing here is fast; nothing here is shared with the library.
namespace Cinnabar.Tests.Models.Plain;

internal static class PlainFormulas
{
    /// <summary>y = W x + b; W row-major [out, in].</summary>
    public static double[] Linear(double[] w, double[] x, double[]? b = null) => Linear(w, 0, w.Length / x.Length, x, b);

    /// <summary>The same with the rows from <paramref name="firstRow"/> of W.</summary>
    public static double[] Linear(double[] w, int firstRow, int rows, double[] x, double[]? b = null)
    {
        double[] y = new double[rows];
        for (int row = 0; row < rows; row++)
        {
            double sum = b is null ? 0 : b[row];
            for (int column = 0; column < x.Length; column++)
            {
                sum += w[((firstRow + row) * x.Length) + column] * x[column];
            }

            y[row] = sum;
        }

        return y;
    }

    /// <summary>x / sqrt(mean x² + ε), times w where there is one.</summary>
    public static double[] RmsNorm(double[] x, double[]? w, double epsilon)
    {
        double scale = 1 / Math.Sqrt((x.Sum(value => value * value) / x.Length) + epsilon);
        return [.. x.Select((value, i) => value * scale * (w is null ? 1 : w[i]))];
    }

    /// <summary>(x − mean) / sqrt(variance + ε) · w, no bias.</summary>
    public static double[] LayerNorm(double[] x, double[] w, double epsilon)
    {
        double mean = x.Sum() / x.Length;
        double variance = x.Sum(value => (value - mean) * (value - mean)) / x.Length;
        return [.. x.Select((value, i) => (value - mean) / Math.Sqrt(variance + epsilon) * w[i])];
    }

    /// <summary>Each of <paramref name="heads"/> slices of x through <see cref="RmsNorm"/>.</summary>
    public static double[] RmsNormHeads(double[] x, int heads, double[]? w, double epsilon) =>
        [.. x.Chunk(x.Length / heads).SelectMany(head => RmsNorm(head, w, epsilon))];

    public static double[] Softmax(double[] x)
    {
        double largest = x.Max();
        double sum = x.Sum(value => Math.Exp(value - largest));
        return [.. x.Select(value => Math.Exp(value - largest) / sum)];
    }

    public static double Silu(double x) => x / (1 + Math.Exp(-x));

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double GeluTanh(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    public static double[] Add(double[] a, double[] b) => [.. a.Select((value, i) => value + b[i])];

    public static double[] Multiply(double[] a, double[] b) => [.. a.Select((value, i) => value * b[i])];

    /// <summary>θ^(−2i/n) for i below <paramref name="pairs"/>.</summary>
    public static double[] Frequencies(double theta, int n, int pairs) =>
        [.. Enumerable.Range(0, pairs).Select(i => Math.Pow(theta, -2.0 * i / n))];

    /// <summary>
    /// Turns, in each head of x, elements i and i + <paramref name="distance"/> by position · frequencies[i]; leaves the others alone.
    /// </summary>
    public static double[] Rotate(double[] x, int heads, int distance, double[] frequencies, int position)
    {
        double[] y = [.. x];
        int size = x.Length / heads;
        for (int head = 0; head < heads; head++)
        {
            for (int i = 0; i < frequencies.Length; i++)
            {
                int first = (head * size) + i, second = first + distance;
                double cos = Math.Cos(position * frequencies[i]), sin = Math.Sin(position * frequencies[i]);
                y[first] = (x[first] * cos) - (x[second] * sin);
                y[second] = (x[second] * cos) + (x[first] * sin);
            }
        }

        return y;
    }

    /// <summary>‖found − expected‖ / ‖expected‖.</summary>
    public static double RelativeError(double[][] expected, double[][] found)
    {
        Assert.Equal(expected.Select(row => row.Length), found.Select(row => row.Length));
        double difference = expected.Zip(found, (a, b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum()).Sum();
        double error = Math.Sqrt(difference / expected.Sum(row => row.Sum(x => x * x)));
        Assert.False(double.IsNaN(error)); // which is neither above a bound nor the largest of several
        return error;
    }

    /// <summary>softmax(scale · q kᵀ) v of one query row; head h uses the keys of head h · keyHeads / heads.</summary>
    public static double[] Attend(
        double[] query, IReadOnlyList<double[]> keys, IReadOnlyList<double[]> values, int heads, int keyHeads, double scale)
    {
        int size = query.Length / heads;
        double[] result = new double[query.Length];
        for (int head = 0; head < heads; head++)
        {
            int at = head * size, keyAt = head / (heads / keyHeads) * size;
            double[] p = Softmax([.. keys.Select(key => scale * Enumerable.Range(0, size).Sum(i => query[at + i] * key[keyAt + i]))]);
            for (int j = 0; j < p.Length; j++)
            {
                for (int i = 0; i < size; i++)
                {
                    result[at + i] += p[j] * values[j][keyAt + i];
                }
            }
        }

        return result;
    }
}
