// cinnabar logits --ids 1,2,3 --out x.npy: one pass of the network, for comparing it with other programs.
using System.CommandLine;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Commands;

internal static class LogitsCommand
{
    public static Command Create()
    {
        Option<int[]> ids = new("--ids")
        {
            Description = "Token ids, separated by commas. Required.",
            HelpName = "1,2,3",
            Required = true,
            AllowMultipleArgumentsPerToken = false,
            CustomParser = IdsOption.Parse,
        };
        Option<string> output = new("--out", "-o", "--output")
        {
            Description = "The new .npy file to write. Required.",
            HelpName = "file",
            Required = true,
        };
        Option<bool> force = new("--force") { Description = "Let --out replace a file. [default: refuse]" };
        Command command = new("logits", "Write the network's logits [L, V] for token ids as a NumPy file of float32.")
        {
            ids, output, force,
        };
        ModelArguments arguments = new ModelArguments().AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            string path = NewFile.Require(parsed.GetValue(output), parsed.GetValue(force))!;
            DiffusionModel model = arguments.Load(parsed, cancellation);
            int[] given = parsed.GetValue(ids)!;
            IdsOption.Check(given, model);
            if (model.Denoiser is IUniformDenoiser uniform && given.Length > uniform.CanvasLength)
            {
                throw new CinnabarException(
                    $"Expected at most {uniform.CanvasLength} ids, the canvas of a network whose noise is random tokens, "
                    + $"found {given.Length}.",
                    "Give fewer.");
            }

            Tensor logits = model.Denoiser.Logits(given, [.. Enumerable.Range(0, given.Length)]);
            NpyFile.Write(path, logits);
            Console.Error.WriteLine($"{TerminalText.Quote(path)}: float32 [{logits.Rows}, {logits.Columns}]");
            return 0;
        });
        return command;
    }
}
