// HumanEval (Chen et al. 2021): the head of a Python function and its docstring → the body.
//
//   HumanEval.jsonl (or HumanEval_half_a.jsonl), see HumanEvalFile.cs
//
// An answer is cut at the first of the stop sequences of that paper, which begin a new thing at the left margin:
// "\nclass", "\ndef", "\n#", "\nif", "\nprint". What remains is compared with the canonical solution, space at the ends of both aside
// (at the beginning it is indentation and counts).
// No code is run: that is safe in a sandbox only, which Cinnabar does not have. So pass@k is not measured, and an answer that does the
// same in other words counts as wrong. WritePredictions writes the answers for an outside sandbox.
namespace Cinnabar.Evaluation.Tasks;

/// <summary>"humaneval": head of a function → its body. Measures "exact match" and "edit similarity".</summary>
public sealed class HumanEvalTask : EvaluationTask
{
    private const string Origin = "github.com/openai/human-eval, data";
    private static readonly string[] s_stops = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"];

    /// <inheritdoc/>
    public override string Name => "humaneval";

    /// <inheritdoc/>
    public override string Description =>
        "The head of a Python function is to be completed; the text is compared with the canonical solution. The code is not run, since "
        + "there is no sandbox: pass@1 needs one, and predictions can be written for it.";

    /// <inheritdoc/>
    public override int MaxAnswerCharacters => 1_500;

    /// <inheritdoc/>
    public override int StandardAnswerTokens => 512;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskSplit> Splits { get; } = [TaskSplit.Test];

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TextMeasures.ExactMatch(answers, text => Completion(text).TrimEnd()),
        TextMeasures.MeanSimilarity(answers, text => Completion(text).TrimEnd()),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source) =>
        HumanEvalFile.Examples(source, Origin, "HumanEval", hasSuffix: false);

    /// <summary>Writes answers, cut at the stop sequences, as JSON lines that the evaluator of human-eval reads.</summary>
    public static void WritePredictions(TextWriter writer, IEnumerable<TaskAnswer> answers) =>
        HumanEvalFile.WritePredictions(writer, answers, Completion);

    private static string Completion(string text)
    {
        IEnumerable<int> stops = s_stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0);
        return text[..stops.DefaultIfEmpty(text.Length).Min()];
    }
}
