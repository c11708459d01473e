// How a request wants its text sampled: the fields are the names of SamplerOptions in snake_case, and block_length is BlockSize.
//
// A field that is absent has the model's default; null turns the option off. The model's own rule (threshold) belongs to its own order, so
// whoever names another order or another rule gets it without. Inception's reasoning_effort is a threshold under another name: less
// effort writes more tokens per pass.
//
//   instant 0.5    low 0.7    medium 0.9    high: none, so one token per pass     an order, a rule or a threshold of the request's own wins
//
// OpenAI's words for it beside these: none, as if it were absent; minimal, which is instant; xhigh, which is high.
using System.Text.Json;
using System.Text.RegularExpressions;
using Cinnabar.Latents;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar.Server.Api;

/// <summary>Reads how to sample.</summary>
internal static partial class SamplerFields
{
    private const int MostCount = SamplerOptions.MaximumCount;
    private const int MostMilliseconds = 600_000;
    private const string LatentMethodField = "latent_method";
    private const string NoLatentsRemedy = "This model has no latents. Remove the field, or choose another model.";
    private const string UniformRemedy =
        "The noise of this model is random tokens: it knows steps, entropy_bound and seed. Remove the field, or choose another model.";

    private const string LatentRemedy =
        "The noise of this model is Gaussian, on latents: it knows steps, cfg_scale, latent_method and seed. "
        + "Remove the field, or choose another model.";

    private static readonly string[] s_rules = ["remasking", "factor", "entropy_bound"];

    private static readonly string[] s_ofMasks =
    [
        "block_length", "threshold", "remasking", "factor", "stability", "low_threshold", "verify_threshold", "left_to_right",
        "draft_tokens", "credit", "early_exit", "remask_below", "edit_threshold", "remdm", "remdm_eta", "max_passes",
        "deadline_ms", "cache", "cache_refresh", "temperature", "top_p", "top_k", "reasoning_effort", "alternatives",
    ];

    /// <summary>Reads the fields.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="noise">Of the model.</param>
    /// <param name="defaults">The model's.</param>
    /// <exception cref="ApiException">400: a field is out of its range, or two contradict each other.</exception>
    public static SamplerOptions Read(JsonFields fields, NoiseKind noise, SamplerOptions defaults)
    {
        SamplerOptions options = noise switch
        {
            NoiseKind.Uniform => ReadUniform(fields, defaults),
            NoiseKind.Gaussian => ReadLatent(fields, defaults),
            _ => ReadOrdered(fields, defaults),
        };
        try
        {
            options.Validate();
        }
        catch (CinnabarException error)
        {
            throw Refused(error);
        }

        return options;
    }

    /// <summary>What the library refused, in the words of the wire: the names of options become those of fields.</summary>
    public static ApiException Refused(CinnabarException error)
    {
        Match option = NameOfOption().Match(error.Message);
        string? param = option.Success ? FieldOf(option.Groups["name"].Value) : null;
        return ApiException.Invalid(
            param is null ? error.Message : CapitalisedWord().Replace(error.Message, word => FieldOf(word.Value)), param);
    }

    private static SamplerOptions ReadOrdered(JsonFields fields, SamplerOptions defaults)
    {
        Refuse(fields, [LatentMethodField], NoLatentsRemedy);
        Remasking remasking = Named<Remasking>(fields, "remasking") ?? defaults.Remasking;
        double? factor = Optional(fields, "factor", defaults.Factor, 0, 1e6, aboveLeast: true);
        double? entropyBound = Optional(fields, "entropy_bound", defaults.EntropyBound, 0, 1000);
        RemdmKind? remdm = fields.Has("remdm") ? Named<RemdmKind>(fields, "remdm") : defaults.Remdm;
        int? milliseconds = fields.Integer("deadline_ms", 1, MostMilliseconds);
        SamplerOptions read = defaults with
        {
            Steps = Optional(fields, "steps", defaults.Steps),
            BlockSize = Optional(fields, "block_length", defaults.BlockSize),
            Remasking = remasking,
            Temperature = fields.Number("temperature", 0, 2) ?? defaults.Temperature,
            TopP = Optional(fields, "top_p", defaults.TopP, 0, 1, aboveLeast: true),
            TopK = TopK(fields, defaults.TopK),
            CfgScale = fields.Number("cfg_scale", 0, 100) ?? defaults.CfgScale,
            Factor = factor,
            EntropyBound = entropyBound,
            Stability = Optional(fields, "stability", defaults.Stability, 0, 1000, aboveLeast: true),
            LowThreshold = Optional(fields, "low_threshold", defaults.LowThreshold, 0, 1, aboveLeast: true),
            VerifyThreshold = Optional(fields, "verify_threshold", defaults.VerifyThreshold, 0, 1, aboveLeast: true),
            Credit = fields.Flag("credit") ?? defaults.Credit,
            EarlyExit = Optional(fields, "early_exit", defaults.EarlyExit, 0, 1000, aboveLeast: true),
            RemaskBelow = Optional(fields, "remask_below", defaults.RemaskBelow, 0, 1, aboveLeast: true),
            EditThreshold = Optional(fields, "edit_threshold", defaults.EditThreshold, 0, 1, aboveLeast: true),
            Remdm = remdm,
            RemdmEta = fields.Number("remdm_eta", 0, 1) ?? defaults.RemdmEta,
            MaxPasses = Optional(fields, "max_passes", defaults.MaxPasses),
            Deadline = milliseconds is int time ? TimeSpan.FromMilliseconds(time) : defaults.Deadline,
            Cache = Named<CacheKind>(fields, "cache") ?? defaults.Cache,
            CacheRefresh = Optional(fields, "cache_refresh", defaults.CacheRefresh),
        };
        bool namesRule = s_rules.Any(name => fields.Get(name) is not null);
        read = WithEffort(fields, read.WithoutThresholdOf(defaults), namesRule);
        read = read with { Threshold = Optional(fields, "threshold", read.Threshold, 0, 1, aboveLeast: true) };
        int? drafts = fields.Integer("draft_tokens", 1, SamplerOptions.MaximumDraft);
        return read.ReadAs(defaults, fields.Flag("left_to_right"), fields.Has("draft_tokens"), drafts);
    }

    private static SamplerOptions ReadUniform(JsonFields fields, SamplerOptions defaults)
    {
        Refuse(fields, [.. s_ofMasks, "cfg_scale", LatentMethodField], UniformRemedy);

        return defaults with
        {
            Uniform = defaults.Uniform with
            {
                Steps = fields.Integer("steps", 1, UniformOptions.MaximumSteps) ?? defaults.Uniform.Steps,
                EntropyBound = fields.Number("entropy_bound", 0, 1000) ?? defaults.Uniform.EntropyBound,
            },
        };
    }

    private static SamplerOptions ReadLatent(JsonFields fields, SamplerOptions defaults)
    {
        Refuse(fields, [.. s_ofMasks, "entropy_bound"], LatentRemedy);
        return defaults with
        {
            Steps = Optional(fields, "steps", defaults.Steps),
            CfgScale = fields.Number("cfg_scale", 0, 100) ?? defaults.CfgScale,
            Latents = defaults.Latents with { Method = Named<LatentMethod>(fields, LatentMethodField) ?? defaults.Latents.Method },
        };
    }

    private static void Refuse(JsonFields fields, IEnumerable<string> names, string remedy)
    {
        foreach (string name in names)
        {
            // Some clients always send OpenAI's defaults.
            fields.Refuse(name, remedy, name switch { "temperature" or "top_p" => ["1"], "top_k" => ["-1"], _ => [] });
        }
    }

    // Beside an order or a rule that the request names, effort says nothing more.
    private static SamplerOptions WithEffort(JsonFields fields, SamplerOptions options, bool namesRule)
    {
        string? effort = fields.Get("reasoning_effort")?.Word("none", "minimal", "instant", "low", "medium", "high", "xhigh");
        return effort is null or "none" || namesRule ? options : effort switch
        {
            "minimal" or "instant" => options.ByThreshold(0.5),
            "low" => options.ByThreshold(0.7),
            "medium" => options.ByThreshold(0.9),
            _ => options with { Threshold = null, Factor = null, EntropyBound = null },
        };
    }

    // Inception's default is −1, llama.cpp's word for all of them 0.
    private static int? TopK(JsonFields fields, int? standard) => !fields.Has("top_k") ? standard
        : fields.Integer("top_k", -1, MostCount) is int k and > 0 ? k : null;

    private static int? Optional(JsonFields fields, string name, int? standard) =>
        fields.Has(name) ? fields.Integer(name, 1, MostCount) : standard;

    private static double? Optional(
        JsonFields fields, string name, double? standard, double least, double most, bool aboveLeast = false) =>
        fields.Has(name) ? fields.Number(name, least, most, aboveLeast) : standard;

    private static T? Named<T>(JsonFields fields, string name)
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetNames<T>().Select(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value))];
        return fields.Get(name)?.Word(names) is string word ? Enum.GetValues<T>()[Array.IndexOf(names, word)] : null;
    }

    private static string FieldOf(string option) => option switch
    {
        nameof(SamplerOptions.BlockSize) => "block_length",
        nameof(SamplerOptions.MaxNewTokens) => "max_tokens",
        nameof(SamplerOptions.Deadline) => "deadline_ms",
        _ when typeof(SamplerOptions).GetProperty(option) is not null || Enum.TryParse<Remasking>(option, out _) =>
            JsonNamingPolicy.SnakeCaseLower.ConvertName(option),
        _ => option,
    };

    [GeneratedRegex(@"the option (?<name>\w+)")]
    private static partial Regex NameOfOption();

    [GeneratedRegex(@"\b[A-Z]\w+")]
    private static partial Regex CapitalisedWord();
}
