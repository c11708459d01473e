// The cinnabar program: one file a command, under Commands/. Results go to stdout, progress and messages to stderr.
using System.CommandLine;
using Cinnabar.Cli.Commands;

namespace Cinnabar.Cli;

internal static class Program
{
    public static Task<int> Main(string[] arguments)
    {
        RootCommand root = new("Cinnabar trains, runs and evaluates diffusion language models.")
        {
            TrainCommand.Create(),
            BenchCommand.Create(),
            EvalCommand.Create(),
        };
        return CommandRunner.RunAsync(root, arguments);
    }
}
