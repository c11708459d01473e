using System.IO.Compression;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>Which part of a task's examples.</summary>
public enum TaskSplit
{
    /// <summary>To learn from.</summary>
    Train,

    /// <summary>To choose settings by.</summary>
    Validation,

    /// <summary>To report.</summary>
    Test,
}

/// <summary>Where a task takes its examples from.</summary>
/// <param name="Split">Which part.</param>
/// <param name="Folder">Folder with the files of the task; null if none was given. A task that generates its examples needs none.</param>
/// <param name="Count">Most examples: how many a generator makes, and where a file is cut.</param>
/// <param name="Seed">Of a generator.</param>
public sealed record TaskSource(TaskSplit Split, string? Folder, int Count, ulong Seed)
{
    /// <summary>Most bytes of a file, unpacked; far more than any task has.</summary>
    internal long MostBytes { get; init; } = 1L << 30;

    /// <summary>The lines of a file in <see cref="Folder"/>, packed (name.gz) or not.</summary>
    /// <param name="name">File name, without .gz.</param>
    /// <param name="origin">Where the file can be had, for the message when it is missing.</param>
    /// <exception cref="CinnabarException">
    /// No folder was given, or it has no such file, or the file cannot be read or holds more than 1 GiB.
    /// </exception>
    public IReadOnlyList<string> Lines(string name, string origin)
    {
        if (Folder is null)
        {
            throw new CinnabarException(
                $"Expected the folder that holds '{name}', found none.", $"Give --data; the file is from {origin}.");
        }

        string path = Path.Combine(Folder, name);
        string packed = path + ".gz";
        try
        {
            bool isPacked = !File.Exists(path);
            if (isPacked && !File.Exists(packed))
            {
                throw new CinnabarException(
                    $"Expected '{name}' or '{name}.gz' in '{Folder}', found neither.",
                    $"Give the right folder as --data; the file is from {origin}.");
            }

            using Stream file = isPacked ? new GZipStream(File.OpenRead(packed), CompressionMode.Decompress) : File.OpenRead(path);
            using StreamReader reader = new(new LimitedStream(file, MostBytes));
            List<string> lines = [];
            while (reader.ReadLine() is string line)
            {
                lines.Add(line);
            }

            return lines;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CinnabarException($"'{name}' in '{Folder}' cannot be read: {e.Message}", "Check the file, or fetch it again.", e);
        }
    }
}
