using System.CommandLine.Parsing;
using System.Globalization;

namespace Cinnabar.Cli;

/// <summary>Token ids on the command line: whole numbers separated by commas.</summary>
internal static class IdsOption
{
    /// <summary>The parser of such an option.</summary>
    public static int[] Parse(ArgumentResult result)
    {
        const NumberStyles Spaced = NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;
        string name = (result.Parent as OptionResult)?.Option.Name ?? "the ids";
        if (result.Tokens.Count > 1)
        {
            result.AddError($"Expected {name} once, found it {result.Tokens.Count} times.");
            return [];
        }

        string text = result.Tokens[0].Value;
        List<int> ids = [];
        foreach (string part in text.Split(','))
        {
            if (!int.TryParse(part, Spaced, CultureInfo.InvariantCulture, out int id))
            {
                result.AddError($"Expected {name} to be whole numbers separated by commas, found {TerminalText.Quote(part)}.");
                return [];
            }

            ids.Add(id);
        }

        return [.. ids];
    }

    /// <summary>Refuses ids that a model does not have.</summary>
    public static void Check(int[] ids, DiffusionModel model)
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
