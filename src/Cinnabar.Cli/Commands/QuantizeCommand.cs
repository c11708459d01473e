// cinnabar quantize MODEL --to int8|int4: writes a model folder whose matrices are integers with a scale for each row or group of columns.
using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Commands;

internal static class QuantizeCommand
{
    public static Command Create()
    {
        Argument<string> model = new("model") { Description = "Model folder, or the name of one under models/." };
        Option<string> to = new("--to")
        {
            Description = "Element type of the matrices: int8, int4.",
            HelpName = "type",
            DefaultValueFactory = _ => "int8",
        };
        to.AcceptOnlyFromAmong("int8", "int4");
        Option<int?> group = new("--group-size")
        {
            Description = "Columns with a common scale. [default: a row for int8, at most 128 for int4]",
            HelpName = "n",
        };
        group.RequireRange(WeightQuantization.GroupMultiple, 1 << 16);
        Option<string?> output = new("--out", "-o", "--output")
        {
            Description = "The folder to write. [default: MODEL-int8 or MODEL-int4]",
            HelpName = "folder",
        };
        Option<bool> force = new("--force") { Description = "Replace a model that is there. [default: refuse]" };
        Command command = new("quantize", "Write a model with smaller weights that runs faster.") { model, to, group, output, force };
        command.SetWork((parsed, cancellation) =>
        {
            ModelFolder source = ModelFolder.Open(ModelLocator.Find(parsed.GetValue(model)!));
            string type = parsed.GetValue(to)!;
            WeightQuantization quantization = WeightQuantization.For(Enum.Parse<DType>(type, ignoreCase: true), source.Config);
            quantization = quantization with { GroupSize = parsed.GetValue(group) ?? quantization.GroupSize };
            if (parsed.GetValue(output) is null && source.Name.Contains('/'))
            {
                throw new CinnabarException(
                    $"Expected --out for {source.Name}, found none: beside it is the hub's cache, which other programs keep, too.",
                    "Give --out FOLDER.");
            }

            string path = parsed.GetValue(output) ?? $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(source.Path))}-{type}";
            RequireTarget(path, source, parsed.GetValue(force));
            using (LoadDisplay display = new(Console.Error, Screen.Detect(plain: false), cancellation))
            {
                QuantizedExport.Write(source, path, quantization, CardOf(source, path, quantization), display);
            }

            Console.Error.WriteLine($"{TerminalText.Quote(path)}: {source.Config.ParameterCount / 1e6:F1} M parameters as {type}");
            return 0;
        });
        return command;
    }

    // A model that is there is replaced only by order, and the source never.
    private static void RequireTarget(string path, ModelFolder source, bool mayReplace)
    {
        NewFile.RequirePath(path, "--out");
        if (File.Exists(path))
        {
            throw new CinnabarException(
                $"Expected --out to name a folder, found that {TerminalText.Quote(path)} is a file.", "Give another name.");
        }

        StringComparison sameName = OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        if (Directory.Exists(path) && string.Equals(FinalPath(path), FinalPath(source.Path), sameName))
        {
            throw new CinnabarException(
                $"Expected --out to name another folder than the model's own, found {TerminalText.Quote(path)}.", "Give another name.");
        }

        if (Directory.Exists(path) && !mayReplace && Directory.EnumerateFileSystemEntries(path).Any())
        {
            throw new CinnabarException(
                $"Expected --out to name a new folder, found that {TerminalText.Quote(path)} exists.",
                "Give another name, or add --force to replace the model there.");
        }
    }

    // Without links, in any part of it.
    private static string FinalPath(string folder)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        path = Path.TrimEndingDirectorySeparator(Directory.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
        return Path.GetDirectoryName(path) is string parent ? Path.Combine(FinalPath(parent), Path.GetFileName(path)) : path;
    }

    // What the card of the source says of it stands below; settings between two lines of --- have to come first in a card.
    private static string CardOf(ModelFolder source, string target, WeightQuantization quantization)
    {
        const string Fence = "---\n";
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target)));
        string path = Path.Combine(source.Path, "README.md");
        string card = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n").TrimEnd() + "\n" : "";
        bool begins = card.StartsWith(Fence, StringComparison.Ordinal);
        int end = begins ? card.IndexOf($"\n{Fence}", Fence.Length, StringComparison.Ordinal) : -1;
        int settings = end < 0 ? 0 : end + 1 + Fence.Length;
        string bits = quantization.Type == DType.Int8 ? "8-bit" : "4-bit";
        string scales = quantization.GroupSize is int group ? $"{group} columns of each row" : "each row";
        string before = card[settings..].Trim('\n');
        return $"{card[..settings]}# {name}\n\nMatrices of this folder were rounded to {bits} integers by `cinnabar quantize`, with one "
            + $"scale for {scales}.{(before.Length > 0 ? $" Before that:\n\n{before}" : "")}\n";
    }
}
