// The reversal test as LLaDA gives it to chat models (Nie et al. 2025): the couplets of ReversalTask in words,
//
//   forward    "{first}的下一句是什么？ 直接输出句子即可。"      what is the next line? write the line alone
//   backward   "{second}的上一句是什么？ 直接输出句子即可。"     what is the line before?
//
// as the user's message. Right is an answer that contains the line. (LLaDA: 28 new tokens, as many steps, one block, temperature 0.)
namespace Cinnabar.Evaluation.Tasks;

/// <summary>
/// "reversal-chat": a question for the next line of a poem (group "forward") or the one before (group "backward"). Measures "contains the
/// line"; score the groups apart.
/// </summary>
public sealed class ReversalChatTask : EvaluationTask
{
    /// <inheritdoc/>
    public override string Name => "reversal-chat";

    /// <inheritdoc/>
    public override string Description =>
        "A chat model is asked in Chinese for the line after (forward) or before (backward) a line of a classical poem; right is an "
        + "answer that contains it.";

    /// <inheritdoc/>
    public override int MaxAnswerCharacters => 100;

    /// <inheritdoc/>
    public override bool IsConversation => true;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskSplit> Splits { get; } = [TaskSplit.Test];

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TaskMeasure.Share("contains the line", answers.Select(
            answer => answer.Text.Contains(answer.Example.Reference, StringComparison.Ordinal))),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        return Couplet.Read(source)
            .SelectMany(couplet => (TaskExample[])
            [
                new(ReversalTask.Forward, $"{couplet.First}的下一句是什么？ 直接输出句子即可。", couplet.Second),
                new(ReversalTask.Backward, $"{couplet.Second}的上一句是什么？ 直接输出句子即可。", couplet.First),
            ])
            .Take(source.Count);
    }
}
