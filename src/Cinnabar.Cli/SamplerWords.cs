using System.Text.Json;
using System.Text.RegularExpressions;
using Cinnabar.Sampling;

namespace Cinnabar.Cli;

/// <summary>What the library says of the options of the sampler, in the words of the command line.</summary>
internal static partial class SamplerWords
{
    /// <summary>The message with the names that one types; as it is where it names no option of the sampler.</summary>
    /// <param name="message">For example "Expected the option Factor to be null beside Threshold, found 1. Change Factor."</param>
    public static string InWords(string message)
    {
        Match option = NameOfOption().Match(message);
        if (!option.Success || typeof(SamplerOptions).GetProperty(option.Groups["name"].Value) is null)
        {
            return message;
        }

        string named = message.Replace("the option ", "", StringComparison.Ordinal);
        return Word().Replace(named, word => WordOf(word.Value));
    }

    private static string WordOf(string word) => word switch
    {
        "null" => "left out",
        nameof(SamplerOptions.Deadline) => "--deadline-ms",
        nameof(SamplerOptions.Latents) => "--latent-method",
        nameof(SamplerOptions.Uniform) => "generation_config.json", // no option sets it
        _ when typeof(SamplerOptions).GetProperty(word) is not null => "--" + JsonNamingPolicy.KebabCaseLower.ConvertName(word),
        _ when Enum.TryParse<Remasking>(word, out _) => JsonNamingPolicy.SnakeCaseLower.ConvertName(word),
        _ => word,
    };

    [GeneratedRegex(@"the option (?<name>\w+)")]
    private static partial Regex NameOfOption();

    [GeneratedRegex(@"\b(?:[A-Z]\w+|null)\b")]
    private static partial Regex Word();
}
