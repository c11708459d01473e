using Cinnabar.Numerics;
using Cinnabar.Tests;

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

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>Tests that redirect the console run one after the other, over one model.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ConsoleTests : ICollectionFixture<TinyModel>
{
    public const string Name = "console";
}
