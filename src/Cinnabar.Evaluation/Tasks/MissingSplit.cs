namespace Cinnabar.Evaluation.Tasks;

/// <summary>The exception for a split that a task does not have.</summary>
internal static class MissingSplit
{
    /// <summary>Makes it.</summary>
    /// <param name="task">The task.</param>
    /// <param name="split">What was asked for.</param>
    /// <param name="has">What the task has instead, such as "train and test".</param>
    public static CinnabarException Of(EvaluationTask task, TaskSplit split, string has) =>
        new($"The task {task.Name} has no {split.ToString().ToLowerInvariant()} split; it has {has}.", "Ask for what it has.");
}
