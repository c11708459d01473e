using Cinnabar.Numerics;
using Cinnabar.Tests;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Tests;

/// <summary>The model of <see cref="TinyModelFolder"/>, and command lines over it.</summary>
public sealed class TinyModel : IDisposable
{
    public const int Context = TinyModelFolder.Context;

    public TinyModel()
    {
        Folder = Directory.CreateTempSubdirectory("cinnabar-cli-").FullName;
        Path = System.IO.Path.Combine(Folder, "tiny");
        TinyModelFolder.Write(Path);
        Model = DiffusionModel.Load(Path, KernelTable.Create(threads: 1));
    }

    /// <summary>A folder for files of tests; removed at the end.</summary>
    public string Folder { get; }

    /// <summary>The model folder.</summary>
    public string Path { get; }

    public DiffusionModel Model { get; }

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, string text) => Write(name, new System.Text.UTF8Encoding(false).GetBytes(text));

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, byte[] content)
    {
        string path = System.IO.Path.Combine(Folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>Runs a command line in this process and keeps what it prints.</summary>
    public async Task<(int ExitCode, string Out, string Error)> Run(params string[] arguments)
    {
        TextWriter standardOut = Console.Out;
        TextWriter standardError = Console.Error;
        using StringWriter output = new();
        using StringWriter error = new();
        Console.SetOut(output);
        Console.SetError(error);
        try
        {
            int exitCode = await CommandRunner.RunAsync(Program.CreateRoot(), arguments);
            return (exitCode, output.ToString(), error.ToString());
        }
        finally
        {
            Console.SetOut(standardOut);
            Console.SetError(standardError);
        }
    }

    /// <summary>Runs a command line that ends with the model and one thread.</summary>
    public Task<(int ExitCode, string Out, string Error)> RunWithModel(params string[] arguments) =>
        Run([.. arguments, "--model", Path, "--threads", "1"]);

    /// <summary>A corpus with its tokenizer, made when it is first asked for.</summary>
    public string Corpus()
    {
        string corpus = System.IO.Path.Combine(Folder, "corpus-of-tales");
        if (!Directory.Exists(corpus))
        {
            string texts = Directory.CreateDirectory(System.IO.Path.Combine(Folder, "tales")).FullName;
            foreach (int i in Enumerable.Range(0, 8))
            {
                File.WriteAllText(
                    System.IO.Path.Combine(texts, $"{i}.txt"),
                    string.Concat(Enumerable.Range(0, 60).Select(j => $"so Anna met Tom{(i * j) % 7} at the {i * i * j}th tree.\n")));
            }

            new CorpusBuilder(new CorpusOptions
            {
                Sources = [new CorpusSource { Folder = texts, Name = "own" }],
                NearDuplicateSimilarity = 2,
                MinCompressedShare = 0,
                MaxDataShare = 1,
                TokenizerPath = System.IO.Path.Combine(Path, "tokenizer.json"),
                TestShare = 0.4,
                Threads = 1,
            }).Build(corpus);
        }

        return corpus;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>Tests that redirect the console run one after the other, over one model.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ConsoleTests : ICollectionFixture<TinyModel>
{
    public const string Name = "console";
}
