namespace Cinnabar.Evaluation.Tasks;

/// <summary>What a model reached on a task.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Answers">Its answers, in the order of the examples.</param>
/// <param name="Groups">
/// Measures of every group, in the order in which the groups first occur; then, if there are several, of all ("").
/// </param>
/// <param name="Work">All that the network did, and how long it took.</param>
public sealed record TaskResult(
    string Model,
    IReadOnlyList<TaskAnswer> Answers,
    IReadOnlyList<TaskGroup> Groups,
    DecodingWork Work)
{
    /// <summary>Answers every example.</summary>
    /// <param name="task">Scores the answers.</param>
    /// <param name="name">Name of the model.</param>
    /// <param name="answerer">The model.</param>
    /// <param name="examples">At least one.</param>
    /// <param name="done">Told the number of examples done.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    public static TaskResult Run(
        EvaluationTask task,
        string name,
        TaskAnswerer answerer,
        IReadOnlyList<TaskExample> examples,
        Action<int>? done = null,
        CancellationToken cancellation = default)
    {
        List<TaskAnswer> answers = [];
        DecodingWork work = default;
        foreach (TaskExample example in examples)
        {
            (TaskAnswer answer, DecodingWork one) = answerer.Answer(example, onStep: null, cancellation);
            answers.Add(answer);
            work += one;
            done?.Invoke(answers.Count);
        }

        return new TaskResult(name, answers, [.. GroupsOf(task, answers)], work);
    }

    /// <summary>
    /// The difference of the first measure between two results on the same examples and its standard error, each example being compared
    /// with itself: what both get right or wrong adds no error.
    /// </summary>
    /// <param name="task">The task of both; its first measure must be a mean over examples.</param>
    /// <param name="other">Of the same examples.</param>
    public TaskMeasure DifferenceFrom(EvaluationTask task, TaskResult other)
    {
        double[] differences = [.. Answers.Zip(other.Answers, (mine, theirs) => First(task, mine) - First(task, theirs))];
        return TaskMeasure.Mean(task.Score([Answers[0]])[0].Name, differences);
    }

    private static double First(EvaluationTask task, TaskAnswer answer) => task.Score([answer])[0].Value;

    private static IEnumerable<TaskGroup> GroupsOf(EvaluationTask task, List<TaskAnswer> answers)
    {
        ILookup<string, TaskAnswer> groups = answers.ToLookup(answer => answer.Example.Group);
        foreach (IGrouping<string, TaskAnswer> group in groups)
        {
            yield return new TaskGroup(group.Key, group.Count(), task.Score([.. group]));
        }

        if (groups.Count > 1)
        {
            yield return new TaskGroup("", answers.Count, task.Score(answers));
        }
    }
}

/// <summary>The measures of a group of examples.</summary>
/// <param name="Name">Of the group; "": all examples.</param>
/// <param name="Examples">How many.</param>
/// <param name="Measures">What the task measures.</param>
public sealed record TaskGroup(string Name, int Examples, IReadOnlyList<TaskMeasure> Measures);
