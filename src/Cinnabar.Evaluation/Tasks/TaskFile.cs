namespace Cinnabar.Evaluation.Tasks;

/// <summary>A file of a task, read whole; faults are told by file and line.</summary>
internal sealed class TaskFile
{
    private TaskFile(string name, IReadOnlyList<string> lines)
    {
        Name = name;
        Lines = lines;
    }

    /// <summary>File name, without .gz.</summary>
    public string Name { get; }

    /// <summary>At least one, of which one is not blank.</summary>
    public IReadOnlyList<string> Lines { get; }

    /// <summary>Reads the first of some names that the folder holds.</summary>
    /// <exception cref="CinnabarException">It holds none of them, or the file cannot be read or is empty.</exception>
    public static TaskFile Open(TaskSource source, string origin, params IReadOnlyList<string> names) =>
        Read(source, origin, FirstHeld(source, origin, names));

    /// <summary>Reads two files, line N of one belonging to line N of the other.</summary>
    /// <param name="source">Its folder is looked through.</param>
    /// <param name="origin">Where the files can be had.</param>
    /// <param name="names">Pairs of names; the first pair whose first file is there is read.</param>
    /// <exception cref="CinnabarException">As for <see cref="Open"/>, or one file has more lines than the other.</exception>
    public static (TaskFile First, TaskFile Second) OpenPair(
        TaskSource source, string origin, params IReadOnlyList<(string First, string Second)> names)
    {
        string held = FirstHeld(source, origin, [.. names.Select(pair => pair.First)]);
        TaskFile first = Read(source, origin, held);
        TaskFile second = Read(source, origin, names.First(pair => pair.First == held).Second);
        return first.Lines.Count == second.Lines.Count
            ? (first, second)
            : throw new CinnabarException(
                $"'{first.Name}' and '{second.Name}': expected as many lines in both, found {first.Lines.Count} and {second.Lines.Count}.",
                "Fetch both files again, from the same version.");
    }

    /// <summary>Whether the folder has a file of that name, packed or not.</summary>
    public static bool IsHeld(TaskSource source, string name) =>
        source.Folder is string folder && IsHeld(folder, name);

    /// <inheritdoc cref="IsHeld(TaskSource, string)"/>
    public static bool IsHeld(string folder, string name) =>
        File.Exists(Path.Combine(folder, name)) || File.Exists(Path.Combine(folder, name + ".gz"));

    /// <summary>A line without the space around it.</summary>
    /// <exception cref="CinnabarException">Nothing else is on it.</exception>
    public string Text(int index)
    {
        string text = Lines[index].Trim();
        return text.Length > 0 ? text : throw Wrong(index, "a text", "an empty line");
    }

    /// <summary>The exception for a line that is not as expected.</summary>
    public CinnabarException Wrong(int index, string expected, string found) =>
        new($"'{Name}', line {index + 1}: expected {expected}, found {found}.", "Correct the line, or fetch the file again.");

    private static TaskFile Read(TaskSource source, string origin, string name)
    {
        IReadOnlyList<string> lines = source.Lines(name, origin);
        return lines.Any(line => !string.IsNullOrWhiteSpace(line))
            ? new TaskFile(name, lines)
            : throw new CinnabarException($"'{name}': expected examples, found an empty file.", $"Fetch it again; it is from {origin}.");
    }

    // Without a folder, or where there is one name only, TaskSource says what is missing.
    private static string FirstHeld(TaskSource source, string origin, IReadOnlyList<string> names)
    {
        if (source.Folder is null || names.Count == 1)
        {
            return names[0];
        }

        return names.FirstOrDefault(name => IsHeld(source, name)) ?? throw new CinnabarException(
            $"Expected {string.Join(" or ", names.Select(name => $"'{name}'"))}, packed (.gz) or not, in '{source.Folder}', found none.",
            $"Give the right folder as --data; the file is from {origin}.");
    }
}
