namespace Cinnabar.Evaluation.Tasks;

/// <summary>The tasks that are known by name.</summary>
public static class TaskCatalog
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<EvaluationTask> All { get; } =
    [
        new SudokuTask(9),
        new SudokuTask(4),
        new CountdownTask(3),
        new CountdownTask(4),
        new CountdownTask(5),
        TranslationTask.JavaToCSharp,
        TranslationTask.EnglishToBash,
        new CommandPageTask(),
        new DataToTextTask(),
        new GradeSchoolMathTask(),
        new HumanEvalTask(),
        HumanEvalInfillingTask.SingleLine,
        HumanEvalInfillingTask.MultiLine,
        HumanEvalInfillingTask.RandomSpan,
        HumanEvalInfillingTask.RandomSpanLight,
        new ReversalTask(),
        new ReversalChatTask(),
    ];

    /// <summary>The task of a name.</summary>
    /// <exception cref="CinnabarException">There is none.</exception>
    public static EvaluationTask Find(string name) =>
        All.FirstOrDefault(task => task.Name == name) ?? throw new CinnabarException(
            $"Expected the name of a task, found '{name}'.", $"Name one of these: {string.Join(", ", All.Select(task => task.Name))}.");
}
