using System.CommandLine;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Cli;

/// <summary>The options that say where the examples of a task come from.</summary>
internal sealed class TaskDataArguments
{
    private readonly Option<string?> _folder;
    private readonly Option<int> _count;

    /// <summary>Options of one task.</summary>
    /// <param name="task">The task.</param>
    /// <param name="count">Most examples unless the user says otherwise.</param>
    public TaskDataArguments(EvaluationTask task, int count)
    {
        _folder = new Option<string?>("--data")
        {
            Description = task.IsGenerated
                ? "Folder with published test files; what is in them is kept out of the other splits. [default: examples are made]"
                : "Folder with the files of the task. Required.",
            HelpName = "folder",
            Required = !task.IsGenerated,
        };
        _count = new Option<int>("--count", "-n")
        {
            Description = "Most examples.",
            HelpName = "n",
            DefaultValueFactory = _ => count,
        };
        _count.RequireRange(1, 100_000_000);
    }

    public Option<ulong> Seed { get; } = new("--data-seed")
    {
        Description = "Start of the random choices where examples are made; the same seed gives the same examples.",
        HelpName = "n",
        DefaultValueFactory = _ => 1,
    };

    public void AddTo(Command command)
    {
        command.Add(_folder);
        command.Add(_count);
        command.Add(Seed);
    }

    public TaskSource Source(ParseResult parsed, TaskSplit split) =>
        new(split, parsed.GetValue(_folder), parsed.GetValue(_count), parsed.GetValue(Seed));
}
