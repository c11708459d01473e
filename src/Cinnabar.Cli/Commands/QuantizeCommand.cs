// cinnabar quantize MODEL --to int8: writes a model folder whose matrices are 8-bit integers with a scale for each row.
using System.CommandLine;
using Cinnabar.Checkpoints;

namespace Cinnabar.Cli.Commands;

internal static class QuantizeCommand
{
    public static Command Create()
    {
        Argument<string> model = new("model") { Description = "Model folder, or the name of one under models/." };
        Option<string> to = new("--to")
        {
            Description = "Element type of the matrices.",
            HelpName = "type",
            DefaultValueFactory = _ => "int8",
        };
        to.AcceptOnlyFromAmong("int8");
        Option<string?> output = new("--out", "-o", "--output")
        {
            Description = "The folder to write. [default: MODEL-int8]",
            HelpName = "folder",
        };
        Command command = new("quantize", "Write a model with smaller weights that runs faster.") { model, to, output };
        command.SetWork((parsed, _) =>
        {
            ModelFolder source = ModelFolder.Open(ModelLocator.Find(parsed.GetValue(model)!));
            string type = parsed.GetValue(to)!;
            if (source.Config.Int8Weights)
            {
                throw new CinnabarException(
                    $"{source.Path}: expected floating-point weights, found Int8.", "Quantize the model it was made from.");
            }

            string path = parsed.GetValue(output) ?? $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(source.Path))}-{type}";
            ModelFolder.Save(
                path,
                source.Config with { Int8Weights = true },
                source.Tensors,
                File.ReadAllBytes(source.TokenizerPath),
                source.GenerationConfig,
                CardOf(source));
            Console.Error.WriteLine($"{TerminalText.Quote(path)}: {source.Config.ParameterCount / 1e6:F1} M parameters as {type}");
            return 0;
        });
        return command;
    }

    private static string CardOf(ModelFolder source)
    {
        string card = Path.Combine(source.Path, "README.md");
        string text = File.Exists(card) ? File.ReadAllText(card).TrimEnd() + "\n\n" : "";
        return text + "Matrices of this folder were rounded to 8-bit integers by `cinnabar quantize`, with one scale for each row.\n";
    }
}
