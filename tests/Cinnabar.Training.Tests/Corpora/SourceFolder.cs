using System.Text;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

/// <summary>A fresh folder with source files and a place for corpora; removed at the end of the test.</summary>
internal sealed class SourceFolder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("cinnabar-test-").FullName;

    public SourceFolder()
    {
        Directory.CreateDirectory(Sources);
    }

    public string Sources => Path.Combine(_root, "sources");

    public string Corpus => Path.Combine(_root, "corpus");

    public string Root => _root;

    public CorpusOptions Options => new()
    {
        Sources = [new CorpusSource { Folder = Sources, Name = "own", Licence = "MIT" }],
        Patterns = ["*.cs"],
        VocabularySize = 300,
        ValidationShare = 0.1,
        TestShare = 0.1,
        Threads = 2,
    };

    /// <summary>C# of about 600 bytes whose words depend on the seed.</summary>
    public static string Code(int seed)
    {
        Random random = new(seed);
        StringBuilder code = new($"namespace Sample.Part{seed};\n\npublic sealed class {Word(random)}\n{{\n");
        for (int i = 0; i < 8; i++)
        {
            code.Append($"    public int {Word(random)}({Word(random)} {Word(random)}) => ");
            code.Append($"{Word(random)}.{Word(random)}({Word(random)});\n");
        }

        return code.Append("}\n").ToString();
    }

    public void Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));

    public void Write(string path, byte[] bytes)
    {
        string full = Path.Combine(Sources, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllBytes(full, bytes);
    }

    public void WriteMany(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Write($"Folder{i % 3}/File{i}.cs", Code(i));
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static string Word(Random random) => string.Concat(Enumerable.Range(0, 6).Select(_ => (char)('a' + random.Next(26))));
}
