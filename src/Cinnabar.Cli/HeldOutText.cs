using Cinnabar.Evaluation;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli;

/// <summary>The likelihood of a model on windows of a held-out split: a bound, or exact for a model that writes left to right.</summary>
internal static class HeldOutText
{
    /// <summary>Measures it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The split, in the model's vocabulary.</param>
    /// <param name="windows">Most windows, as long as the model's context.</param>
    /// <param name="seed">Start of the random masks.</param>
    /// <param name="cancellation">Looked at after every window.</param>
    public static HeldOutLikelihood Measure(
        DiffusionModel model, TokenDataset data, int windows, ulong seed, CancellationToken cancellation)
    {
        int length = (int)Math.Min(model.Config.MaxSequenceLength, data.TokenCount);
        List<int[]> texts = [];
        foreach (long start in HeldOutLikelihood.Spread(data.TokenCount, length, windows))
        {
            int[] text = new int[length];
            data.Read(start, text);
            texts.Add(text);
        }

        EvaluationProgress progress = new("held-out likelihood", "windows", texts.Count);
        return model.Config.IsAutoregressive
            ? HeldOutLikelihood.MeasureExact(model.Denoiser, model.Kernels, model.Tokenizer, texts, WindowDone)
            : HeldOutLikelihood.Measure(model.Denoiser, model.Kernels, model.Tokenizer, texts, seed, WindowDone);

        void WindowDone(int done)
        {
            cancellation.ThrowIfCancellationRequested();
            progress.Show(done);
        }
    }
}
