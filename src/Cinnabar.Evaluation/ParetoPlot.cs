// Speed against quality as one self-contained SVG: a point for each way of decoding, x tokens per second on a logarithmic axis, y exact
// match; the line joins the points that no other beats in both.
using System.Globalization;
using System.Net;
using System.Text;

namespace Cinnabar.Evaluation;

/// <summary>Draws the results of a decoding benchmark.</summary>
public static class ParetoPlot
{
    private const int Width = 900;
    private const int Height = 480;
    private const int Left = 60;
    private const int Right = 30;
    private const int Top = 30;
    private const int Bottom = 50;
    private static readonly string[] s_colours = ["#225", "#a33", "#383", "#850"];

    /// <summary>The SVG text; needs at least one result.</summary>
    public static string Draw(IReadOnlyList<DecodingResult> results)
    {
        double low = Math.Log10(results.Min(r => r.TokensPerSecond));
        double high = Math.Log10(results.Max(r => r.TokensPerSecond));
        double best = Math.Max(0.01, results.Max(r => r.Result.ExactMatch.Mean)) * 1.1;
        (low, high) = (low - (0.05 * (high - low)) - 0.02, high + (0.15 * (high - low)) + 0.02);
        double X(double rate) => Left + ((Math.Log10(rate) - low) / (high - low) * (Width - Left - Right));
        double Y(double exact) => Height - Bottom - (exact / best * (Height - Top - Bottom));

        StringBuilder svg = new();
        void Add(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"11\">");
        Add($"<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        for (int i = 0; i <= 4; i++)
        {
            double exact = best * i / 4;
            double rate = Math.Pow(10, low + ((high - low) * i / 4));
            Add($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(exact):F1}\" y2=\"{Y(exact):F1}\" stroke=\"#ddd\"/>");
            Add($"<text x=\"{Left - 8}\" y=\"{Y(exact) + 4:F1}\" text-anchor=\"end\">{100 * exact:F1} %</text>");
            Add($"<text x=\"{X(rate):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{rate:F0}</text>");
        }

        Add($"<text x=\"{Width / 2}\" y=\"{Height - 10}\" text-anchor=\"middle\">tokens per second (logarithmic)</text>");
        Add($"<text x=\"{Left}\" y=\"18\">exact match of single-line holes</text>");
        string front = string.Join(' ', Front(results).Select(
            r => string.Create(CultureInfo.InvariantCulture, $"{X(r.TokensPerSecond):F1},{Y(r.Result.ExactMatch.Mean):F1}")));
        Add($"<polyline fill=\"none\" stroke=\"#bbb\" stroke-width=\"1.5\" points=\"{front}\"/>");
        string[] models = [.. results.Select(r => r.Model).Distinct()];
        foreach (DecodingResult result in results)
        {
            string colour = s_colours[Array.IndexOf(models, result.Model) % s_colours.Length];
            double x = X(result.TokensPerSecond);
            double y = Y(result.Result.ExactMatch.Mean);
            string name = WebUtility.HtmlEncode(models.Length > 1 ? $"{result.Model}: {result.Method}" : result.Method);
            Add($"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"3.5\" fill=\"{colour}\"/>");
            Add($"<text x=\"{x + 6:F1}\" y=\"{y - 4:F1}\" fill=\"{colour}\">{name}</text>");
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>The results that no other one beats in both speed and quality, fastest first.</summary>
    public static IReadOnlyList<DecodingResult> Front(IReadOnlyList<DecodingResult> results)
    {
        List<DecodingResult> front = [];
        foreach (DecodingResult result in results.OrderByDescending(r => r.TokensPerSecond).ThenByDescending(r => r.Result.ExactMatch.Mean))
        {
            if (front.Count == 0 || result.Result.ExactMatch.Mean > front[^1].Result.ExactMatch.Mean)
            {
                front.Add(result);
            }
        }

        return front;
    }
}
