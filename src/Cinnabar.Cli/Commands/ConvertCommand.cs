// cinnabar convert MODEL --out PATH: a model folder as a GGUF file, a GGUF file as a model folder, or a folder with one token more.
using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Cli.Commands;

internal static class ConvertCommand
{
    private const string Gguf = "gguf";
    private const string Safetensors = "safetensors";

    public static Command Create()
    {
        Argument<string> model = new("model") { Description = "Model folder, name of one under models/, or GGUF file." };
        Option<string?> to = new("--to")
        {
            Description = "gguf, or safetensors: a folder in the manner of Hugging Face. [default: the one that it is not]",
            HelpName = "format",
        };
        to.AcceptOnlyFromAmong(Gguf, Safetensors);
        Option<string?> type = new("--type")
        {
            Description = "Element type of the matrices: f32, f16, bf16, and for gguf q8_0 and q4_0. [default: nearest to what is stored]",
            HelpName = "type",
        };
        type.AcceptOnlyFromAmong("f32", "f16", "bf16", "q8_0", "q4_0");
        Option<string> output = new("--out", "-o", "--output")
        {
            Description = "The file or folder to write; must not exist.",
            HelpName = "path",
            Required = true,
        };
        Option<string?> addToken = new("--add-token")
        {
            Description = "Write the folder once more with this special token, to be trained further. [default: none]",
            HelpName = "text",
        };
        Command command = new("convert", "Write a model as a GGUF file, or a GGUF file as a model folder.")
        {
            model, to, type, addToken, output,
        };
        command.Validators.Add(result =>
        {
            bool converts = result.GetValue(to) is not null || result.GetValue(type) is not null;
            if (result.GetValue(addToken) is string token && (token.Length == 0 || converts))
            {
                result.AddError("Expected --add-token with a text and without --to and --type.");
            }
        });
        command.SetWork((parsed, cancellation) =>
        {
            Checkpoint source = Checkpoint.Open(ModelLocator.Find(parsed.GetValue(model)!));
            if (parsed.GetValue(addToken) is string token)
            {
                AddToken(source, token, parsed.GetValue(output)!, cancellation);
                return 0;
            }

            string format = parsed.GetValue(to) ?? (source is ModelFolder ? Gguf : Safetensors);
            string path = parsed.GetValue(output)!;
            RequireName(path, isGguf: format == Gguf);
            string written;
            IReadOnlyList<string> notes = [];
            using (LoadDisplay display = new(Console.Error, Screen.Detect(plain: false), cancellation))
            {
                if (format == Gguf)
                {
                    GgmlType? asked = parsed.GetValue(type) is string name ? Enum.Parse<GgmlType>(name, ignoreCase: true) : null;
                    (GgmlType chosen, notes) = GgufExport.Write(source, path, asked, display);
                    written = chosen.ToString();
                }
                else
                {
                    written = FolderExport.Write(source, path, FloatType(parsed.GetValue(type)), display).ToString();
                }
            }

            foreach (string note in notes)
            {
                Console.Error.WriteLine(TerminalText.Safe($"note: {note}"));
            }

            Console.Error.WriteLine($"{TerminalText.Quote(path)}: {source.Config.ParameterCount / 1e6:F1} M parameters as {written}");
            return 0;
        });
        return command;
    }

    // GGUF files are known by their names.
    private static void RequireName(string path, bool isGguf)
    {
        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) != isGguf)
        {
            throw isGguf
                ? new CinnabarException(
                    $"Expected --out to name a GGUF file, which ends in .gguf, found {TerminalText.Quote(path)}.", "Add .gguf to the name.")
                : new CinnabarException(
                    $"Expected --out to name a folder, found {TerminalText.Quote(path)}, which a GGUF file is called.",
                    "Give another name, or add --to gguf.");
        }
    }

    private static void AddToken(Checkpoint source, string token, string path, CancellationToken cancellation)
    {
        ModelFolder folder = source as ModelFolder ?? throw new CinnabarException(
            $"{source.Path}: expected a model folder to add a token to, found a GGUF file.", "Convert it to a folder first.");
        using LoadDisplay display = new(Console.Error, Screen.Detect(plain: false), cancellation);
        int id = TokenAddition.Write(folder, path, token, display);
        Console.Error.WriteLine($"{TerminalText.Quote(path)}: {TerminalText.Quote(token)} is token {id}");
    }

    private static SafetensorsDType? FloatType(string? name) => name is null ? null
        : Enum.TryParse(name, ignoreCase: true, out SafetensorsDType type) ? type
        : throw new CinnabarException(
            $"Expected --type f32, f16 or bf16 for a folder, found {name}.",
            "Convert to bf16 first, then `cinnabar quantize` writes a folder of integers; for a GGUF file add --to gguf.");
}
