// The loss curve of a run as one self-contained SVG: the running mean of the batch loss, and held-out bits per byte on a second axis.
// Entries whose loss is not a finite number (of an edited loss.csv) are left out.
using System.Globalization;
using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Training;

/// <summary>Draws loss.csv.</summary>
public static class LossCurve
{
    private const int Width = 900;
    private const int Height = 420;
    private const int Left = 60;
    private const int Right = 60;
    private const int Top = 30;
    private const int Bottom = 45;
    private const int MaxPoints = 1200;

    /// <summary>Writes the curve of <paramref name="entries"/>; nothing is written for fewer than two.</summary>
    /// <exception cref="CinnabarException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<LossEntry> entries)
    {
        if (entries.Count >= 2)
        {
            AtomicFile.Write(path, Encoding.UTF8.GetBytes(Draw(entries)));
        }
    }

    /// <summary>The SVG text.</summary>
    public static string Draw(IReadOnlyList<LossEntry> entries)
    {
        entries = [.. entries.Where(e => double.IsFinite(e.Loss))];
        long tokens = Math.Max(1, entries.Select(e => e.Tokens).DefaultIfEmpty().Max());
        double[] smooth = RunningMean(entries);
        (double Low, double High) loss = Range(smooth);
        LossEntry[] measured = [.. entries.Where(e => double.IsFinite(e.HeldOutBitsPerByte))];
        (double Low, double High) bits = Range([.. measured.Select(e => e.HeldOutBitsPerByte)]);

        StringBuilder svg = new();
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        for (int i = 0; i <= 4; i++)
        {
            double share = i / 4.0;
            double y = Height - Bottom - (share * (Height - Top - Bottom));
            double x = Left + (share * (Width - Left - Right));
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:F1}\" y2=\"{y:F1}\" stroke=\"#ddd\"/>\n");
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{Left - 8}\" y=\"{y + 4:F1}\" text-anchor=\"end\" fill=\"#a33\">{At(share, loss):F2}</text>\n");
            if (measured.Length > 0)
            {
                svg.Append(
                    CultureInfo.InvariantCulture,
                    $"<text x=\"{Width - Right + 8}\" y=\"{y + 4:F1}\" fill=\"#225\">{At(share, bits):F2}</text>\n");
            }

            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{x:F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{share * tokens / 1e6:F1} M</text>\n");
        }

        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text x=\"{Width / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">training tokens</text>\n");
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text x=\"{Left}\" y=\"18\" fill=\"#a33\">loss of the training mix</text>\n");
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text x=\"{Width - Right}\" y=\"18\" text-anchor=\"end\" fill=\"#225\">held-out text, bits per byte</text>\n");
        Line(svg, "#a33", Thin([.. entries.Select((e, i) => (X(e.Tokens, tokens), Y(smooth[i], loss)))]));
        Line(svg, "#225", [.. measured.Select(e => (X(e.Tokens, tokens), Y(e.HeldOutBitsPerByte, bits)))]);
        return svg.Append("</svg>\n").ToString();
    }

    private static double[] RunningMean(IReadOnlyList<LossEntry> entries)
    {
        double[] means = new double[entries.Count];
        double mean = 0;
        for (int i = 0; i < means.Length; i++)
        {
            mean += Math.Max(0.02, 1.0 / (i + 1)) * (entries[i].Loss - mean);
            means[i] = mean;
        }

        return means;
    }

    private static (double Low, double High) Range(double[] values)
    {
        if (values.Length == 0)
        {
            return (0, 1);
        }

        double low = values.Min();
        double high = values.Max();
        return high > low ? (low, high) : (low - 0.5, high + 0.5);
    }

    private static (double X, double Y)[] Thin((double X, double Y)[] points)
    {
        int every = Math.Max(1, points.Length / MaxPoints);
        return [.. points.Where((_, i) => i % every == 0)];
    }

    private static double At(double share, (double Low, double High) range) => range.Low + (share * (range.High - range.Low));

    private static double X(long tokens, long all) => Left + ((double)tokens / all * (Width - Left - Right));

    private static double Y(double value, (double Low, double High) range) =>
        Height - Bottom - ((value - range.Low) / (range.High - range.Low) * (Height - Top - Bottom));

    private static void Line(StringBuilder svg, string colour, (double X, double Y)[] points)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"");
        foreach ((double x, double y) in points)
        {
            svg.Append(CultureInfo.InvariantCulture, $"{x:F1},{y:F1} ");
        }

        svg.Append("\"/>\n");
    }
}
