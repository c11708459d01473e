using Cinnabar.Evaluation;
using Cinnabar.Sampling;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli;

/// <summary>The bias of a model's lengths, fitted on lines of its corpus that are not measured.</summary>
internal static class FittedLengthBias
{
    private const string Split = "validation";

    /// <summary>Fits.</summary>
    /// <param name="model">A diffusion model.</param>
    /// <param name="corpus">Folder of the corpus.</param>
    /// <param name="lines">Which lines; the canvas is the longest length.</param>
    /// <param name="saves">Whether to write it into the model's folder.</param>
    /// <exception cref="CinnabarException">The corpus does not fit, or the model is no folder to write into.</exception>
    public static LengthBias Fit(DiffusionModel model, string corpus, LineHoleOptions lines, bool saves)
    {
        if (saves && !Directory.Exists(model.Path))
        {
            throw new CinnabarException(
                $"{model.Path}: expected a model folder to write {LengthBias.FileName} into, found a file.",
                "Leave out --save-bias, or use the model as a folder.");
        }

        TokenDataset data = HeldOutText.Open(corpus, Split, model);
        IReadOnlyList<LineHole> holes = LineHoles.Sample([.. HeldOutText.Documents(data)], model.Tokenizer, lines);
        EvaluationProgress progress = new("fitting the bias of lengths", "lines", holes.Count);
        LengthBias bias = LengthBias.Fit(
            new LengthProbe(model.Denoiser),
            [.. holes.Select(hole => (hole.Before, hole.Reference.Length, hole.After))],
            lines.CanvasLength,
            progress.Show);
        if (saves)
        {
            string file = Path.Combine(model.Path, LengthBias.FileName);
            bias.Save(file);
            Console.Error.WriteLine($"{TerminalText.Quote(file)}: bias of 1 … {bias.Most} tokens, fitted on {holes.Count} lines");
        }

        return bias;
    }
}
