using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli.Tests;

/// <summary>A model folder with random weights: 2 layers, width 32, a context of 96 tokens.</summary>
public sealed class TinyModel : IDisposable
{
    public const int Context = 96;

    public TinyModel()
    {
        Folder = Directory.CreateTempSubdirectory("cinnabar-cli-").FullName;
        Path = System.IO.Path.Combine(Folder, "tiny");
        string[] lines = [.. Enumerable.Repeat("public static int Max(int a, int b) { return a > b ? a : b; }\n    // naïve – 日本 🙂\n", 4)];
        Tokenizer tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 300, Threads = 1 }).Train(lines);
        string tokenizerFile = System.IO.Path.Combine(Folder, "tokenizer.json");
        tokenizer.Save(tokenizerFile);
        ModelConfig config = new()
        {
            HiddenSize = 32,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 2,
            IntermediateSize = 64,
            VocabularySize = tokenizer.VocabularySize,
            EmbeddingSize = tokenizer.VocabularySize,
            MaxSequenceLength = Context,
            MaskTokenId = tokenizer.MaskTokenId,
            EosTokenId = tokenizer.EndOfTextTokenId,
            PadTokenId = tokenizer.PaddingTokenId,
            BosTokenId = tokenizer.BeginOfTextTokenId,
        };
        ModelFolder.Save(
            Path,
            config,
            TransformerDenoiser.Initialize(config, seed: 5),
            File.ReadAllBytes(tokenizerFile),
            new GenerationConfig { MaxNewTokens = 12 },
            "---\nlicense: mit\n---\n# tiny\n");
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
