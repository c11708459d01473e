namespace Cinnabar.Evaluation.Tasks;

/// <summary>The measures that compare the text of an answer with right answers.</summary>
internal static class TextMeasures
{
    /// <summary>"exact match": the share of answers that equal a right one.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="form">What is compared of a text, such as all but the space around it.</param>
    public static TaskMeasure ExactMatch(IReadOnlyList<TaskAnswer> answers, Func<string, string> form) =>
        TaskMeasure.Share("exact match", answers.Select(
            answer => RightAnswers(answer.Example).Any(right => form(right) == form(answer.Text))));

    /// <summary>"edit similarity": the mean similarity (<see cref="EditSimilarity"/>) to the most similar right answer.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="form">What is compared of a text.</param>
    public static TaskMeasure MeanSimilarity(IReadOnlyList<TaskAnswer> answers, Func<string, string> form) =>
        TaskMeasure.Mean("edit similarity", answers.Select(
            answer => RightAnswers(answer.Example).Max(right => EditSimilarity.Of(form(right), form(answer.Text)))));

    /// <summary>"BLEU" of all answers together, all right answers being references.</summary>
    public static TaskMeasure CorpusBleu(IReadOnlyList<TaskAnswer> answers) =>
        new("BLEU", Bleu.Of(answers.Select(answer => (answer.Text, RightAnswers(answer.Example)))), null);

    private static IReadOnlyList<string> RightAnswers(TaskExample example) => [example.Reference, .. example.OtherReferences];
}
