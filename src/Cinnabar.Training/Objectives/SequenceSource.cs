// Where the clean sequences of an optimiser step come from; what is done to them is the objective's. Everything about a step derives from
// the generator it is given.
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws clean sequences from a corpus.</summary>
public abstract class SequenceSource
{
    /// <summary>The source that fits corpus and objective: examples where the corpus holds questions, else windows of its text.</summary>
    /// <param name="options">Valid settings.</param>
    /// <param name="data">The training split.</param>
    /// <param name="tokenizer">What its ids mean.</param>
    /// <exception cref="CinnabarException">The corpus does not fit the settings.</exception>
    public static SequenceSource Create(TrainingOptions options, TokenDataset data, Tokenizer tokenizer) =>
        TrainingObjective.IsLatent(options.Objective) ? new PlainWindows(data, options)
        : data.HasQuestions ? new Examples(data, options)
        : options.Objective == TrainingObjective.Autoregressive ? new MiddleWindows(data, options, HolesOf(options, tokenizer))
        : new HoleWindows(data, options, HolesOf(options, tokenizer));

    /// <summary>The sequences of a step.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="random">Of this step alone.</param>
    public abstract SequenceDraw Draw(int step, DeterministicRandom random);

    private static HoleShapes HolesOf(TrainingOptions options, Tokenizer tokenizer) => new(tokenizer, options.ModelConfig.ClosesHoles);
}

/// <summary>Draws windows of the text, any of them equally likely, across documents.</summary>
public abstract class WindowSource : SequenceSource
{
    private readonly TokenDataset _data;

    /// <summary>Prepares drawing.</summary>
    /// <param name="data">At least one sequence long.</param>
    /// <param name="options">Sizes and shares.</param>
    /// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
    protected WindowSource(TokenDataset data, TrainingOptions options)
    {
        if (data.TokenCount < options.SequenceLength)
        {
            throw new CinnabarException(
                $"The corpus '{options.Corpus}' has {data.TokenCount} training tokens, "
                + $"fewer than one sequence of {options.SequenceLength}.",
                "Give more text, or a smaller sequence_length.");
        }

        _data = data;
        Options = options;
    }

    /// <summary>The settings of the run.</summary>
    protected TrainingOptions Options { get; }

    /// <inheritdoc/>
    public override SequenceDraw Draw(int step, DeterministicRandom random)
    {
        int length = Options.SequenceLength;
        List<SequenceBatch> batches = [];
        for (int first = 0; first < Options.BatchSize; first += Options.MicroBatchSize)
        {
            int micro = Options.MicroBatchSize;
            SequenceBatch batch = new(new int[micro * length], micro, new int[micro], new bool[micro * length]);
            for (int b = 0; b < micro; b++)
            {
                batch.ValidLengths[b] = DrawSequence(
                    batch.Ids.AsSpan(b * length, length), batch.Wanted.AsSpan(b * length, length), random);
            }

            batches.Add(batch);
        }

        return new SequenceDraw(batches, (long)Options.BatchSize * length);
    }

    /// <summary>Draws one sequence.</summary>
    /// <param name="sequence">Receives the tokens.</param>
    /// <param name="wanted">All false; receives what the network is to say.</param>
    /// <param name="random">Of the step.</param>
    /// <returns>Tokens before the padding.</returns>
    protected abstract int DrawSequence(Span<int> sequence, Span<bool> wanted, DeterministicRandom random);

    /// <summary>Copies a window that starts where a document does, as far as the text goes on long enough behind it.</summary>
    protected void ReadDocument(Span<int> window, DeterministicRandom random)
    {
        long start = _data.DocumentStart(random.NextInt(_data.DocumentCount));
        _data.Read(Math.Min(start, _data.TokenCount - window.Length), window);
    }

    /// <summary>Copies a window of the text.</summary>
    protected void ReadWindow(Span<int> window, DeterministicRandom random)
    {
        long start = (long)(random.NextDouble() * (_data.TokenCount - window.Length + 1));
        _data.Read(start, window);
    }
}
