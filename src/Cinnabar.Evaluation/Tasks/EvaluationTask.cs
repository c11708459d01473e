namespace Cinnabar.Evaluation.Tasks;

/// <summary>A kind of question: where its examples come from, and how answers are scored.</summary>
public abstract class EvaluationTask
{
    /// <summary>What the command line calls it.</summary>
    public abstract string Name { get; }

    /// <summary>What is asked and what counts as right, in one sentence.</summary>
    public abstract string Description { get; }

    /// <summary>Most characters that a right answer needs. Answers are not cut there: tokens bound them.</summary>
    public abstract int MaxAnswerCharacters { get; }

    /// <summary>Whether prompts are messages to a chat model; one without a template gets them as they are. Default false.</summary>
    public virtual bool IsConversation => false;

    /// <summary>Most tokens of an answer where nobody says another number. Default: 128, or fewer if no answer needs them.</summary>
    public virtual int StandardAnswerTokens => Math.Min(128, MaxAnswerCharacters);

    /// <summary>
    /// Tokens of canvas for an answer: a network that fills a canvas does it best when not much of it is left over. Default: the most.
    /// </summary>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="suffixTokens">Tokens of the text behind the answer.</param>
    /// <param name="most">Most tokens wanted.</param>
    public virtual int AnswerTokens(int promptTokens, int suffixTokens, int most) => most;

    /// <summary>
    /// Whether examples are made, not read. Then train, validation and test differ by construction, whatever their seeds. Default false.
    /// </summary>
    public virtual bool IsGenerated => false;

    /// <summary>The splits there are. Default: all.</summary>
    public virtual IReadOnlyList<TaskSplit> Splits { get; } = [TaskSplit.Train, TaskSplit.Validation, TaskSplit.Test];

    /// <summary>The examples of a split, the same for the same source.</summary>
    /// <exception cref="CinnabarException">
    /// A file is missing or malformed (the message names file, line and what was expected), or the task has no such split.
    /// </exception>
    public IEnumerable<TaskExample> Examples(TaskSource source) => Splits.Contains(source.Split)
        ? Read(source)
        : throw new CinnabarException(
            $"The task {Name} has no {Lower(source.Split)} split; it has {string.Join(" and ", Splits.Select(Lower))}.",
            "Ask for what it has.");

    /// <summary>Scores answers to examples of this task; the first measure is the one to compare by.</summary>
    /// <param name="answers">At least one.</param>
    public abstract IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers);

    /// <summary>The examples of one of the <see cref="Splits"/>.</summary>
    protected abstract IEnumerable<TaskExample> Read(TaskSource source);

    private static string Lower(TaskSplit split) => split.ToString().ToLowerInvariant();
}
