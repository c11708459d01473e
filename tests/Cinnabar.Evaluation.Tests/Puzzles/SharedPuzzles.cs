namespace Cinnabar.Evaluation.Tests.Puzzles;

/// <summary>The published test files beside the checkout, if they are there.</summary>
internal static class SharedPuzzles
{
    public static string? Sudoku { get; } = Find("sudoku4x4");

    public static string? Countdown { get; } = Find("countdown");

    private static string? Find(string name)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Cinnabar.slnx")))
        {
            folder = folder.Parent;
        }

        string? found = folder?.Parent is null ? null : Path.Combine(folder.Parent.FullName, "shared", "data", name);
        return Directory.Exists(found) ? found : null;
    }
}

/// <summary>A test that needs both folders of puzzles, and is skipped without them.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedPuzzlesFactAttribute : FactAttribute
{
    public SharedPuzzlesFactAttribute()
    {
        if (SharedPuzzles.Sudoku is null || SharedPuzzles.Countdown is null)
        {
            Skip = "The folders ../shared/data/sudoku4x4 and ../shared/data/countdown beside the checkout are absent.";
        }
    }
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cinnabar-puzzles").FullName;

    public void Write(string name, params string[] lines) => File.WriteAllLines(System.IO.Path.Combine(Path, name), lines);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
