// GSM8K (Cobbe et al. 2021): word problems whose worked answer ends in "#### N".
//
//   {train,test}.jsonl: {"question", "answer"}; test_half_a.jsonl, a half of the test problems, is read where test.jsonl is not there
//
// Prompt = "Question: …\nAnswer:", Reference = " " + the worked answer, without the <<48/2=24>> marks of its calculator.
// Right is an answer with the reference's number (FinalNumber.cs): what follows "####", or, without it, the last number. What an answer
// has from another "Question:" on is not read: base models go on with questions of their own, and the field's harnesses stop there.
using System.Text.RegularExpressions;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>"gsm8k": a word problem → its result. Measures "exact match" of the number.</summary>
public sealed partial class GradeSchoolMathTask : EvaluationTask
{
    private const string Origin = "github.com/openai/grade-school-math, grade_school_math/data";
    private const string NextQuestion = "Question:";

    /// <inheritdoc/>
    public override string Name => "gsm8k";

    /// <inheritdoc/>
    public override string Description =>
        "A word problem of grade-school mathematics is to be worked out; right is the number after '####' or, without it, the last one.";

    /// <inheritdoc/>
    public override int MaxAnswerCharacters => 1_500;

    /// <inheritdoc/>
    public override int StandardAnswerTokens => 256;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskSplit> Splits { get; } = [TaskSplit.Train, TaskSplit.Test];

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TaskMeasure.Share("exact match", answers.Select(answer =>
            FinalNumber.Of(answer.Text.Split(NextQuestion, 2)[0]) == FinalNumber.Of(answer.Example.Reference))),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        TaskFile file = source.Split switch
        {
            TaskSplit.Train => TaskFile.Open(source, Origin, "train.jsonl"),
            _ => TaskFile.Open(source, Origin, "test.jsonl", "test_half_a.jsonl"),
        };
        return TaskRecord.OfLines(file).Select(Example).Take(source.Count);
    }

    private static TaskExample Example(TaskRecord problem)
    {
        string answer = CalculatorMark().Replace(problem.Text("answer"), "");
        return answer.Contains("####", StringComparison.Ordinal) && FinalNumber.Of(answer) is not null
            ? new TaskExample("", $"Question: {problem.Text("question")}\nAnswer:", " " + answer)
            : throw problem.Wrong("an answer that ends in '#### N'", "one without");
    }

    [GeneratedRegex("<<[^>]*>>", RegexOptions.CultureInvariant)]
    private static partial Regex CalculatorMark();
}
