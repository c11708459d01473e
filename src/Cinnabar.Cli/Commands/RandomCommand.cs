// cinnabar random --like SHAPE OUT: writes a model with random weights of a known size.
using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Commands;

internal static class RandomCommand
{
    public static Command Create()
    {
        Argument<string> output = new("out") { Description = "The folder to write; it must not exist." };
        Option<string> like = new("--like")
        {
            Description = $"Sizes of the network: {string.Join(", ", RandomShapes.All.Keys)}. Required.",
            HelpName = "shape",
            Required = true,
        };
        like.AcceptOnlyFromAmong([.. RandomShapes.All.Keys]);
        Option<string> weights = new("--weights")
        {
            Description = "Element type of the matrices: bf16, int8.",
            HelpName = "type",
            DefaultValueFactory = _ => "int8",
        };
        weights.AcceptOnlyFromAmong("bf16", "int8");
        Option<ulong> seed = new("--seed")
        {
            Description = "Start of the random numbers.",
            HelpName = "n",
            DefaultValueFactory = _ => 1,
        };
        Command command = new("random", "Write a model with random weights, for tests and for measuring speed.")
        {
            output, like, weights, seed,
        };
        command.SetWork((parsed, cancellation) =>
        {
            string path = parsed.GetValue(output)!;
            DType type = Enum.Parse<DType>(parsed.GetValue(weights)!, ignoreCase: true);
            using LoadDisplay display = new(Console.Error, Screen.Detect(plain: false), cancellation);
            ModelConfig config = RandomModel.Write(path, parsed.GetValue(like)!, type, parsed.GetValue(seed), display);
            Console.Error.WriteLine(
                $"{TerminalText.Quote(path)}: {config.ParameterCount / 1e6:N1} M random weights, matrices as {parsed.GetValue(weights)}");
            return 0;
        });
        return command;
    }
}
