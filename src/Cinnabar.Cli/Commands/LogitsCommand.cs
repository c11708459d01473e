// cinnabar logits --ids 1,2,3 --out x.npy: one pass of the network, for comparing it with other programs.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
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
            CustomParser = Parse,
        };
        Option<string> output = new("--out", "-o", "--output")
        {
            Description = "The .npy file to write. Required.",
            HelpName = "file",
            Required = true,
        };
        Command command = new("logits", "Write the network's logits [L, V] for token ids as a NumPy file of float32.") { ids, output };
        ModelArguments arguments = new ModelArguments().AddTo(command);
        command.SetWork((parsed, _) =>
        {
            DiffusionModel model = arguments.Load(parsed);
            int[] given = parsed.GetValue(ids)!;
            Check(given, model);
            Tensor logits = model.Denoiser.Logits(given, [.. Enumerable.Range(0, given.Length)]);
            string path = parsed.GetValue(output)!;
            NpyFile.Write(path, logits);
            Console.Error.WriteLine($"{TerminalText.Quote(path)}: float32 [{logits.Rows}, {logits.Columns}]");
            return 0;
        });
        return command;
    }

    private static int[] Parse(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        List<int> ids = [];
        foreach (string part in text.Split(','))
        {
            const NumberStyles Spaced = NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;
            if (!int.TryParse(part, Spaced, CultureInfo.InvariantCulture, out int id))
            {
                result.AddError($"Expected --ids to be whole numbers separated by commas, found {TerminalText.Quote(part)}.");
                return [];
            }

            ids.Add(id);
        }

        return [.. ids];
    }

    private static void Check(int[] ids, DiffusionModel model)
    {
        if (ids.Length > model.Config.MaxSequenceLength)
        {
            throw new CinnabarException(
                $"Expected at most {model.Config.MaxSequenceLength} ids (the model's context), found {ids.Length}.", "Give fewer ids.");
        }

        int wrong = Array.FindIndex(ids, id => id >= model.Config.VocabularySize);
        if (wrong >= 0)
        {
            throw new CinnabarException(
                $"Expected ids below {model.Config.VocabularySize} (the model's vocabulary), found {ids[wrong]} at index {wrong}.",
                "Correct the ids.");
        }
    }
}
