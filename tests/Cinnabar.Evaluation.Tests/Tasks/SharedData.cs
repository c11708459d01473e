using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

/// <summary>The data sets beside the checkout, if they are there.</summary>
internal static class SharedData
{
    /// <summary>…/shared/data, or null.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>What a task reads from one of the data sets.</summary>
    public static TaskExample[] Read(EvaluationTask task, string name, TaskSplit split, int count = int.MaxValue) =>
        [.. task.Examples(new TaskSource(split, Path.Combine(Folder!, name), count, 0))];

    private static string? Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Cinnabar.slnx")))
        {
            folder = folder.Parent;
        }

        string? data = folder?.Parent is null ? null : Path.Combine(folder.Parent.FullName, "shared", "data");
        return Directory.Exists(data) ? data : null;
    }
}

/// <summary>A test that needs the data sets, and is skipped without them.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedDataFactAttribute : FactAttribute
{
    public SharedDataFactAttribute()
    {
        if (SharedData.Folder is null)
        {
            Skip = "The folder ../shared/data beside the checkout is absent.";
        }
    }
}

/// <summary>A theory that needs the data sets, and is skipped without them.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedDataTheoryAttribute : TheoryAttribute
{
    public SharedDataTheoryAttribute() => Skip = new SharedDataFactAttribute().Skip;
}
