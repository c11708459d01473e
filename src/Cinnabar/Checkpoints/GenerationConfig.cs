// generation_config.json: the sampling settings a model was made for. Every value is optional; what is null is left to the
// sampler's own default. Keys that are not listed here (Hugging Face writes many) are ignored; listed ones are checked. In the file of a
// model that somebody published a setting that cannot be used is passed over: it is about samplers of other programs, and the model runs
// without it.
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints;

/// <summary>Recommended sampling settings of a model; null means not set.</summary>
public sealed record GenerationConfig
{
    private const int MaxCount = SamplerOptions.MaximumCount;

    // Dream's names of the orders, under the key alg.
    private static readonly Dictionary<string, string> s_dreamOrders = new()
    {
        ["origin"] = "origin", ["maskgit_plus"] = "low_confidence", ["topk_margin"] = "margin", ["entropy"] = "entropy",
    };

    private static readonly string[] s_remasking = ["low_confidence", "random", "entropy", "margin", "origin"];

    /// <summary>Denoising steps (steps), ≥ 1.</summary>
    public int? Steps { get; init; }

    /// <summary>Tokens generated together (block_size; LLaDA's block_length), ≥ 1.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Whether texts are written left to right (left_to_right): by models that were trained to be read so, too.</summary>
    public bool? LeftToRight { get; init; }

    /// <summary>Tokens drafted at once where texts are (draft_tokens), ≥ 1.</summary>
    public int? DraftTokens { get; init; }

    /// <summary>Tokens to generate (max_new_tokens; LLaDA's gen_length), ≥ 1.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Temperature (temperature), ≥ 0; 0 takes the likeliest token.</summary>
    public double? Temperature { get; init; }

    /// <summary>
    /// Which positions are committed first (remasking, or Dream's alg): "low_confidence", "random", "entropy", "margin" or "origin".
    /// </summary>
    public string? Remasking { get; init; }

    /// <summary>Confidence above which a position is committed at once (threshold), above 0, at most 1.</summary>
    public double? Threshold { get; init; }

    /// <summary>The n surest positions with confidence at least 1 − factor/(n + 1) are committed at once (factor), above 0.</summary>
    public double? Factor { get; init; }

    /// <summary>Probability mass kept (top_p), above 0, at most 1.</summary>
    public double? TopP { get; init; }

    /// <summary>Tokens kept (top_k), ≥ 1. 0 or less in the file, which means all, becomes null.</summary>
    public int? TopK { get; init; }

    /// <summary>Scale of classifier-free guidance (cfg_scale), ≥ 0; 0 is none.</summary>
    public double? CfgScale { get; init; }

    /// <summary>
    /// Settings of networks whose noise is random tokens (max_denoising_steps, t_max, t_min, sampler_config, stability_threshold,
    /// confidence_threshold); null: the defaults. Read, not written.
    /// </summary>
    public UniformOptions? Uniform { get; init; }

    /// <summary>Ids that end a text besides those of config.json (eos_token_id); null: none. Read, not written.</summary>
    public IReadOnlyList<int>? EosTokenIds { get; init; }

    /// <summary>What <see cref="Load"/> passed over, a message each; null: nothing. Not written.</summary>
    public IReadOnlyList<string>? PassedOver { get; init; }

    /// <summary>Reads a generation_config.json; settings that cannot be used are passed over.</summary>
    /// <exception cref="CinnabarException">The file cannot be read.</exception>
    public static GenerationConfig Load(string path) => Read(JsonSettings.Load(path, "recommended sampling settings"), passedOver: []);

    /// <summary>Reads and checks the bytes of a generation_config.json.</summary>
    /// <exception cref="CinnabarException">A value is wrong.</exception>
    public static GenerationConfig Parse(string file, byte[] json) => Read(JsonSettings.Parse(file, json), passedOver: null);

    /// <summary>The UTF-8 text of generation_config.json: the keys that are set, in alphabetical order.</summary>
    /// <exception cref="CinnabarException">A value is out of range.</exception>
    public byte[] ToJson()
    {
        (string Key, object? Value)[] all =
        [
            ("block_size", BlockSize),
            ("cfg_scale", CfgScale),
            ("draft_tokens", DraftTokens),
            ("factor", Factor),
            ("left_to_right", LeftToRight),
            ("max_new_tokens", MaxNewTokens),
            ("remasking", Remasking),
            ("steps", Steps),
            ("temperature", Temperature),
            ("threshold", Threshold),
            ("top_k", TopK),
            ("top_p", TopP),
        ];
        SortedDictionary<string, string> values = new(StringComparer.Ordinal);
        foreach ((string key, object? value) in all.Where(pair => pair.Value is not null))
        {
            values[key] = SettingsText.ValueOf(value);
        }

        byte[] text = SettingsText.ObjectOf(values);
        Parse("the generation settings to be saved", text);
        return text;
    }

    // With _from_model_config a program has written down defaults of its classes, which nobody recommends: Dream's say random order.
    private static GenerationConfig Read(JsonSettings json, List<string>? passedOver)
    {
        GenerationConfig read = new() { EosTokenIds = Usable(() => json.OptionalIds("eos_token_id")) };
        if (Usable(() => json.OptionalBoolean("_from_model_config")) != true)
        {
            read = read with
            {
                Steps = Usable(() => json.OptionalInt32("steps", 1, MaxCount)),
                BlockSize = Usable(() => json.OptionalInt32("block_size", 1, MaxCount)),
                LeftToRight = Usable(() => json.OptionalBoolean("left_to_right")),
                DraftTokens = Usable(() => json.OptionalInt32("draft_tokens", 1, SamplerOptions.MaximumDraft)),
                MaxNewTokens = Usable(() => json.OptionalInt32("max_new_tokens", 1, MaxCount)),
                Temperature = Usable(() => json.OptionalNumber("temperature", 0, 100)),
                Remasking = Usable(() => ReadRemasking(json)),
                Threshold = Usable(() => json.OptionalNumber("threshold", 0, 1, aboveLeast: true)),
                Factor = Usable(() => json.OptionalNumber("factor", 0, 1e6, aboveLeast: true)),
                TopP = Usable(() => json.OptionalNumber("top_p", 0, 1, aboveLeast: true)),
                TopK = Usable(() => json.OptionalInt32("top_k", -MaxCount, MaxCount)) is int topK and > 0 ? topK : null,
                CfgScale = Usable(() => json.OptionalNumber("cfg_scale", 0, 100)),
                Uniform = Usable(() => UniformOptions.Read(json)),
            };
        }

        return passedOver is { Count: > 0 } ? read with { PassedOver = passedOver } : read;

        T Usable<T>(Func<T> setting)
        {
            try
            {
                return setting();
            }
            catch (CinnabarException e) when (passedOver is not null)
            {
                passedOver.Add(e.Message);
                return default!;
            }
        }
    }

    private static string? ReadRemasking(JsonSettings json) => json.OptionalWord("remasking", s_remasking)
        ?? (json.OptionalWord("alg", [.. s_dreamOrders.Keys]) is string order ? s_dreamOrders[order] : null);
}
