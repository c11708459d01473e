// HumanEval infilling (Bavarian et al. 2022): Python functions with a part taken out.
//
//   HumanEval-{SingleLineInfilling,MultiLineInfilling,RandomSpanInfilling,RandomSpanInfillingLight}.jsonl, or the same with _half_a;
//   layout: HumanEvalFile.cs
//
// Prompt = the text before, Suffix = the text after, Reference = the missing part. Whole lines are compared without the space at their
// end, as what ends an answer may be the line break. Of a random span every character counts: it is pasted in between two others.
// No code is run (HumanEvalTask.cs says why).
namespace Cinnabar.Evaluation.Tasks;

/// <summary>"humaneval-infilling-…": what stands around a hole in a function → what is missing. Measures "exact match" and "edit
/// similarity".</summary>
public sealed class HumanEvalInfillingTask : EvaluationTask
{
    private const string Origin = "github.com/openai/human-eval-infilling, data";

    private readonly string _file;
    private readonly Func<string, string> _compared;

    private HumanEvalInfillingTask(string variant, string file, string missing, int maxAnswerCharacters, Func<string, string> compared)
    {
        Name = "humaneval-infilling-" + variant;
        Description = $"{missing} of a Python function is to be filled in, exactly; the code is not run, since there is no sandbox.";
        MaxAnswerCharacters = maxAnswerCharacters;
        _file = file;
        _compared = compared;
    }

    /// <summary>One line is missing.</summary>
    public static HumanEvalInfillingTask SingleLine { get; } =
        new("single-line", "HumanEval-SingleLineInfilling", "A line", 250, text => text.TrimEnd());

    /// <summary>One line or several are missing.</summary>
    public static HumanEvalInfillingTask MultiLine { get; } =
        new("multi-line", "HumanEval-MultiLineInfilling", "One line or several", 1_000, text => text.TrimEnd());

    /// <summary>Anything from nothing to many lines is missing.</summary>
    public static HumanEvalInfillingTask RandomSpan { get; } =
        new("random-span", "HumanEval-RandomSpanInfilling", "A random span", 1_000, text => text);

    /// <summary>The same, one span a function.</summary>
    public static HumanEvalInfillingTask RandomSpanLight { get; } =
        new("random-span-light", "HumanEval-RandomSpanInfillingLight", "A random span", 1_000, text => text);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override int MaxAnswerCharacters { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TaskSplit> Splits { get; } = [TaskSplit.Test];

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
        [TextMeasures.ExactMatch(answers, _compared), TextMeasures.MeanSimilarity(answers, _compared)];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source) =>
        HumanEvalFile.Examples(source, Origin, _file, hasSuffix: true);

    /// <summary>Writes answers as JSON lines that the evaluator of human-eval-infilling reads.</summary>
    public static void WritePredictions(TextWriter writer, IEnumerable<TaskAnswer> answers) =>
        HumanEvalFile.WritePredictions(writer, answers, text => text);
}
