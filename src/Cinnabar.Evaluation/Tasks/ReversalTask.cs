// Couplets, asked for in both directions (the reversal curse, Berglund et al. 2023; as a test of diffusion models in LLaDA, Nie et al.
// 2025). For models trained from scratch on the bare couplets; for big chat models there is ReversalChatTask.
//
//            Prompt            Suffix            Reference
//   train    ""                ""                first + "\n" + second
//   forward  first + "\n"      ""                second
//   backward ""                "\n" + second     first
//
// Training shows each pair once, as one text, so that neither direction is taught by name, and test asks about the same pairs: what is
// measured is in which directions a fact that was learnt in one can be recalled. A network that sees both sides fills the front where
// the suffix stands behind it. A left-to-right one fills it by the fill-in-the-middle layout that it was trained with, or not at all.
// Where a line occurs in two couplets, both of its neighbours are right.
namespace Cinnabar.Evaluation.Tasks;

/// <summary>
/// "reversal": a line of a couplet → the line after it (group "forward") or before it (group "backward"). Measures "exact match"; score
/// the groups apart.
/// </summary>
public sealed class ReversalTask : EvaluationTask
{
    /// <summary>Group of the examples that ask for the second line.</summary>
    public const string Forward = "forward";

    /// <summary>Group of the examples that ask for the first line.</summary>
    public const string Backward = "backward";

    /// <inheritdoc/>
    public override string Name => "reversal";

    /// <inheritdoc/>
    public override string Description =>
        "Of a couplet that was trained on, one line is given and the other is to be recalled, exactly: forward the second, backward the "
        + "first.";

    /// <inheritdoc/>
    public override int MaxAnswerCharacters => 60;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskSplit> Splits { get; } = [TaskSplit.Train, TaskSplit.Test];

    /// <summary>The lines of a couplet are equally long, or one a character or two (of three bytes) longer.</summary>
    public override int AnswerTokens(int promptTokens, int suffixTokens, int most) =>
        Math.Min(most, Math.Max(promptTokens, suffixTokens) - 1 + 7);

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
        [TextMeasures.ExactMatch(answers, text => text.Trim())];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        IReadOnlyList<Couplet> couplets = Couplet.Read(source);
        IEnumerable<TaskExample> examples = source.Split == TaskSplit.Train
            ? couplets.Select(couplet => new TaskExample("", "", $"{couplet.First}\n{couplet.Second}"))
            : BothDirections(couplets);
        return examples.Take(source.Count);
    }

    private static IEnumerable<TaskExample> BothDirections(IReadOnlyList<Couplet> couplets)
    {
        ILookup<string, string> after = couplets.ToLookup(couplet => couplet.First, couplet => couplet.Second);
        ILookup<string, string> before = couplets.ToLookup(couplet => couplet.Second, couplet => couplet.First);
        foreach ((string first, string second) in couplets)
        {
            yield return new TaskExample(Forward, first + "\n", second)
            {
                OtherReferences = [.. after[first].Where(line => line != second)],
            };
            yield return new TaskExample(Backward, "", first)
            {
                Suffix = "\n" + second,
                OtherReferences = [.. before[second].Where(line => line != first)],
            };
        }
    }
}
