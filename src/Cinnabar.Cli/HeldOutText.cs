using Cinnabar.Diffusion;
using Cinnabar.Evaluation;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli;

/// <summary>The splits of a model's corpus, and how well it predicts them.</summary>
internal static class HeldOutText
{
    /// <summary>The split that evaluations use.</summary>
    public const string TestSplit = "test";

    /// <summary>Opens a split.</summary>
    /// <exception cref="CinnabarException">It is empty, or its ids mean other tokens than the model's.</exception>
    public static TokenDataset Open(string corpus, string split, DiffusionModel model)
    {
        TokenDataset data = TokenDataset.Open(corpus, split);
        int vocabularySize = model.Tokenizer.VocabularySize;
        if (data.VocabularySize != vocabularySize)
        {
            throw new CinnabarException(
                $"{corpus}: expected a {split} split in the model's vocabulary of {vocabularySize}, found {data.TokenCount} tokens "
                + $"of a vocabulary of {data.VocabularySize}.",
                RemedyFor(model));
        }

        RequireTokens(corpus, model);
        return data.TokenCount > 0 ? data : throw new CinnabarException(
            $"{corpus}: expected text in the {split} split, found none.",
            "Make a corpus of more files: one in a hundred or so goes into this split.");
    }

    /// <summary>Its documents, one after the other.</summary>
    public static IEnumerable<int[]> Documents(TokenDataset data, Action<int>? documentDone = null)
    {
        for (int i = 0; i < data.DocumentCount; i++)
        {
            yield return data.Document(i);
            documentDone?.Invoke(i + 1);
        }
    }

    /// <summary>A model as a predictor of line holes; one that writes left to right has one way only, and describes itself.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">Short name, for tables.</param>
    /// <param name="description">What it is, in one sentence.</param>
    /// <param name="options">How it is sampled.</param>
    /// <param name="canvasLength">Tokens of a hole whose length is not given.</param>
    /// <param name="policy">How the length of such a hole is found.</param>
    /// <param name="growsFrom">Tokens that a growing hole starts with.</param>
    /// <param name="bias">For probing lengths; null: it is not known.</param>
    public static IInfiller InfillerOf(
        DiffusionModel model,
        string name,
        string description,
        SamplerOptions options,
        int canvasLength,
        LengthPolicy policy = LengthPolicy.Trim,
        int growsFrom = TextWithHoles.DefaultGrowsFrom,
        LengthBias? bias = null)
    {
        CanvasTokens tokens = policy == LengthPolicy.Grow ? model.TokensForGrowth() : model.TokensFor(exactLength: false);
        WorkerPool workers = model.Kernels.Workers;
        return model.Config.IsAutoregressive
            ? new AutoregressiveInfiller(
                name, model.Denoiser, new FillInTheMiddle(model.Config), model.Tokenizer, tokens, canvasLength, workers)
            : new DiffusionInfiller(
                name, description, model.Denoiser, model.Tokenizer, tokens, options, canvasLength, workers, policy, growsFrom, bias);
    }

    /// <summary>Measures the likelihood of windows: a bound, or exact for a model that writes left to right.</summary>
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

    private static void RequireTokens(string corpus, DiffusionModel model)
    {
        // Not the files: that of a model may be written in another way, and a GGUF file has none.
        Tokenizer made = Tokenizer.Load(Path.Combine(corpus, CorpusFiles.Tokenizer));
        if (made.FirstDifference(model.Tokenizer) is int id)
        {
            throw new CinnabarException(
                $"{corpus}: expected a corpus of the tokens of {model.Name}, found one made with another tokenizer, whose id {id} "
                + $"stands for {TerminalText.Quote(made.TokenText(id))} and not {TerminalText.Quote(model.Tokenizer.TokenText(id))}.",
                RemedyFor(model));
        }
    }

    private static string RemedyFor(DiffusionModel model)
    {
        string folder = Directory.Exists(model.Path) ? model.Path : "FOLDER";
        string converted = folder == model.Path ? "" : $" (`cinnabar convert {model.Path} --out {folder}` makes that file)";
        return "Use the corpus that the model was trained on, or make one with "
            + $"`cinnabar corpus --tokenizer {Path.Combine(folder, CorpusFiles.Tokenizer)}`{converted}.";
    }
}
