// Sampler options in ChatOptions.AdditionalProperties, by the names that requests to the server use: those of SamplerOptions in
// snake_case, but block_length for BlockSize and deadline_ms for Deadline. Values may be of any number type, texts, truth values, or JSON
// elements of them.
using System.Globalization;
using System.Text.Json;
using Cinnabar.Sampling;

namespace Cinnabar.Extensions.AI;

internal static class SamplerProperties
{
    private const int MostShown = 60;

    // Null turns off what can be off and leaves the others as they are.
    private static readonly Dictionary<string, Func<SamplerOptions, Value?, SamplerOptions>> s_setters = new()
    {
        ["steps"] = (options, value) => options with { Steps = value?.Whole() },
        ["block_length"] = (options, value) => options with { BlockSize = value?.Whole() },
        ["threshold"] = (options, value) => options with { Threshold = value?.Number() },
        ["remasking"] = (options, value) => options with { Remasking = value?.Name<Remasking>() ?? options.Remasking },
        ["transfer"] = (options, value) => options with { Transfer = value?.Name<Transfer>() ?? options.Transfer },
        ["cfg_scale"] = (options, value) => options with { CfgScale = value?.Number() ?? options.CfgScale },
        ["factor"] = (options, value) => options with { Factor = value?.Number() },
        ["entropy_bound"] = (options, value) => options with { EntropyBound = value?.Number() },
        ["stability"] = (options, value) => options with { Stability = value?.Number() },
        ["low_threshold"] = (options, value) => options with { LowThreshold = value?.Number() },
        ["verify_threshold"] = (options, value) => options with { VerifyThreshold = value?.Number() },
        ["credit"] = (options, value) => options with { Credit = value?.Truth() ?? options.Credit },
        ["left_to_right"] = (options, value) => options with { LeftToRight = value?.Truth() ?? options.LeftToRight },
        ["draft_tokens"] = (options, value) => options with { DraftTokens = value?.Whole() },
        ["early_exit"] = (options, value) => options with { EarlyExit = value?.Number() },
        ["remask_below"] = (options, value) => options with { RemaskBelow = value?.Number() },
        ["edit_threshold"] = (options, value) => options with { EditThreshold = value?.Number() },
        ["remdm"] = (options, value) => options with { Remdm = value?.Name<RemdmKind>() },
        ["remdm_eta"] = (options, value) => options with { RemdmEta = value?.Number() ?? options.RemdmEta },
        ["max_passes"] = (options, value) => options with { MaxPasses = value?.Whole() },
        ["deadline_ms"] = (options, value) => options with { Deadline = value is Value ms ? TimeSpan.FromMilliseconds(ms.Whole()) : null },
        ["cache"] = (options, value) => options with { Cache = value?.Name<CacheKind>() ?? options.Cache },
        ["cache_refresh"] = (options, value) => options with { CacheRefresh = value?.Whole() },
    };

    /// <summary>Sets one option.</summary>
    /// <param name="options">The others.</param>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null turns it off, if it can be off.</param>
    /// <exception cref="CinnabarException">There is no such option, or the value is of the wrong kind.</exception>
    public static SamplerOptions Set(SamplerOptions options, string name, object? value)
    {
        if (!s_setters.TryGetValue(name, out Func<SamplerOptions, Value?, SamplerOptions>? set))
        {
            throw new CinnabarException(
                $"Expected the additional properties to be include_steps, {string.Join(", ", s_setters.Keys)}, found '{name}'.",
                "Leave it out, or correct its name.");
        }

        return set(options, value is null or JsonElement { ValueKind: JsonValueKind.Null } ? null : new Value(name, value));
    }

    /// <summary>A truth value.</summary>
    /// <exception cref="CinnabarException">The value is none.</exception>
    public static bool Truth(string name, object? value) => new Value(name, value).Truth();

    private readonly record struct Value(string Property, object? Given)
    {
        public bool Truth() => Given switch
        {
            bool truth => truth,
            JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } json => json.GetBoolean(),
            _ => throw Wrong("true or false"),
        };

        // Through text, so that a float of 0.9 is the double of 0.9.
        public double Number()
        {
            string? text = Given switch
            {
                JsonElement { ValueKind: JsonValueKind.Number } json => json.GetRawText(),
                byte or sbyte or short or ushort or int or uint or long or ulong or float or double or decimal =>
                    ((IFormattable)Given).ToString(null, CultureInfo.InvariantCulture),
                _ => null,
            };
            return double.TryParse(text, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
                ? number
                : throw Wrong("a finite number");
        }

        public int Whole()
        {
            double number = Number();
            return number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue ? (int)number : throw Wrong("a whole number");
        }

        public T Name<T>()
            where T : struct, Enum
        {
            string? text = Given is JsonElement { ValueKind: JsonValueKind.String } json ? json.GetString() : Given as string;
            foreach (T value in Enum.GetValues<T>())
            {
                if ((Given is T given && given.Equals(value)) || NameOf(value) == text)
                {
                    return value;
                }
            }

            throw Wrong(string.Join(", ", Enum.GetValues<T>().Select(NameOf)));
        }

        private static string NameOf<T>(T value)
            where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

        private CinnabarException Wrong(string expected) => new(
            $"Expected the additional property {Property} to be {expected}, found {Found()}.", $"Change {Property}.");

        // The beginning of a long one, without half of a character.
        private string Found()
        {
            string found = Convert.ToString(Given, CultureInfo.InvariantCulture) ?? "null";
            return found.Length <= MostShown ? found
                : $"{found[..(char.IsHighSurrogate(found[MostShown - 1]) ? MostShown - 1 : MostShown)]}…";
        }
    }
}
