// The cinnabar program: one file a command, under Commands/. Results go to stdout, progress and messages to stderr.
using System.CommandLine;
using System.Text;
using Cinnabar.Cli.Commands;

namespace Cinnabar.Cli;

internal static class Program
{
    public static Task<int> Main(string[] arguments)
    {
        // The result is UTF-8 byte for byte, whatever the terminal's code page is.
        UTF8Encoding utf8 = new(encoderShouldEmitUTF8Identifier: false);
        Console.OutputEncoding = utf8;
        if (OperatingSystem.IsWindows())
        {
            Console.InputEncoding = utf8; // what is typed in a chat; other systems have it so
        }

        Console.SetError(new ErrorStream(Console.Error));
        return CommandRunner.RunAsync(CreateRoot(), arguments);
    }

    /// <summary>The command line.</summary>
    internal static RootCommand CreateRoot()
    {
        RootCommand root = new("Cinnabar trains, runs and evaluates diffusion language models.")
        {
            GenerateCommand.Create(),
            WriteCommand.Create(),
            InfillCommand.Create(),
            ChatCommand.Create(),
            ServeCommand.Create(),
            ShowCommand.Create(),
            SolveCommand.Create(),
            ScoreCommand.Create(),
            ProofreadCommand.Create(),
            LogitsCommand.Create(),
            CorpusCommand.Create(),
            TrainCommand.Create(),
            BenchCommand.Create(),
            EvalCommand.Create(),
            ExamplesCommand.Create(),
            QuantizeCommand.Create(),
            ConvertCommand.Create(),
            PullCommand.Create(),
            RandomCommand.Create(),
            McpCommand.Create(),
            WorkerCommand.Create(),
        };
        root.SetAction(_ =>
        {
            Console.WriteLine(Welcome.Text);
            return 0;
        });
        return root;
    }
}
