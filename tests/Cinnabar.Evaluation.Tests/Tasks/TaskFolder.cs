using System.IO.Compression;
using System.Text;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

/// <summary>A fresh folder with files of a task; removed at the end of the test.</summary>
internal sealed class TaskFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("cinnabar-test-").FullName;

    public TaskFolder Write(string name, params string[] lines)
    {
        File.WriteAllLines(Path.Combine(_path, name), lines);
        return this;
    }

    public TaskFolder Pack(string name, params string[] lines)
    {
        using GZipStream stream = new(File.Create(Path.Combine(_path, name + ".gz")), CompressionLevel.Fastest);
        stream.Write(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));
        return this;
    }

    public TaskSource Source(TaskSplit split, int count = int.MaxValue) => new(split, _path, count, 0);

    /// <summary>What a task reads.</summary>
    public TaskExample[] Read(EvaluationTask task, TaskSplit split, int count = int.MaxValue) => [.. task.Examples(Source(split, count))];

    /// <summary>The message of the exception that reading ends in.</summary>
    public string Fault(EvaluationTask task, TaskSplit split) => Assert.Throws<CinnabarException>(() => Read(task, split)).Message;

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
