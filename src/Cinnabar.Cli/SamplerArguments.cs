using System.CommandLine;
using System.Text.Json;
using Cinnabar.Latents;
using Cinnabar.Sampling;

namespace Cinnabar.Cli;

/// <summary>The options of the sampler. One that is not given has the model's own default, or else the sampler's.</summary>
internal sealed class SamplerArguments
{
    private static readonly SamplerOptions s_standard = new();

    private readonly Option<int?> _steps = Setting<int?>("--steps", "n", "Denoising steps", "one per token");
    private readonly Option<int?> _blockSize = Setting<int?>(
        "--block-size", "n", "Tokens that are denoised together, block after block from the left", "all");

    private readonly Option<string?> _transfer = Setting<string?>(
        "--transfer",
        "kind",
        $"How steps share the masks of a block: {string.Join(", ", NamesOf<Transfer>())}",
        NameOf(s_standard.Transfer));

    private readonly Option<double?> _temperature = Setting<double?>(
        "--temperature", "t", "0 takes the most probable token; higher is more varied", $"{s_standard.Temperature}");

    private readonly Option<double?> _topP = Setting<double?>(
        "--top-p", "p", "Draw only from the most probable tokens that sum to p", "off");

    private readonly Option<int?> _topK = Setting<int?>("--top-k", "k", "Draw only from the k most probable tokens", "off");
    private readonly Option<double?> _cfgScale = Setting<double?>(
        "--cfg-scale", "s", "Classifier-free guidance; doubles the work", "0, off");

    private readonly Option<double?> _threshold = Setting<double?>(
        "--threshold", "p", "Also commit every token at least this sure, so fewer steps are needed; 0.9 is usual, 0 leaves it out", "off");

    private readonly Option<double?> _factor = Setting<double?>(
        "--factor", "f", "Also commit the surest tokens as long as each is at least 1 - f/(n + 1) sure; 1 is usual", "off");

    private readonly Option<double?> _entropyBound = Setting<double?>(
        "--entropy-bound", "nats", "Also commit tokens while their entropies sum to less, with --remasking entropy; 0.1 is usual", "off");

    private readonly Option<double?> _stability = Setting<double?>(
        "--stability",
        "nats",
        "With --threshold: only tokens whose distribution has stood still for two steps; KLASS has 0.015 for LLaDA",
        "off");

    private readonly Option<double?> _lowThreshold = Setting<double?>(
        "--low-threshold", "p", "With --threshold: also the surest token of every gap if at least this sure; 0.5 is usual", "off");

    private readonly Option<double?> _verifyThreshold = Setting<double?>(
        "--verify-threshold", "p", "With --threshold: mask tokens again that the others do not make this probable; 0.9 is usual", "off");

    private readonly Option<bool?> _leftToRight = Setting<bool?>(
        "--left-to-right",
        "true|false",
        "Write as the network does that reads left to right, if it was trained to: a text that goes on, or one hole of no exact length",
        "off");

    private readonly Option<int?> _draftTokens = Setting<int?>(
        "--draft-tokens",
        "n",
        "The text of --left-to-right in fewer passes, by drafts of up to n tokens; 15 is usual, 0 leaves it out",
        "off");

    private readonly Option<bool> _credit = new("--credit") { Description = "Trust tokens more that led in earlier steps. [default: off]" };
    private readonly Option<double?> _earlyExit = Setting<double?>(
        "--early-exit", "nats", "Commit everything once the best tokens lead by this on average; 5 to 7.5 is usual", "off");

    private readonly Option<double?> _remaskBelow = Setting<double?>(
        "--remask-below", "p", "Mask tokens again that are less probable than this by now; 0.4 is usual", "off");

    private readonly Option<double?> _editThreshold = Setting<double?>(
        "--edit-threshold", "p", "Replace tokens where another is more probable than this by now; 0.9 is usual", "off");

    private readonly Option<string?> _remdm = Setting<string?>(
        "--remdm", "kind", $"Remasking diffusion, with --remasking origin: {string.Join(", ", NamesOf<RemdmKind>())}", "off");

    private readonly Option<double?> _remdmEta = Setting<double?>(
        "--remdm-eta", "p", "How often remasking diffusion masks again", $"{s_standard.RemdmEta}");

    private readonly Option<int?> _maxPasses = Setting<int?>(
        "--max-passes", "n", "Passes through the network, at most; the last one writes all that is left", "no limit");

    private readonly Option<int?> _deadline = Setting<int?>(
        "--deadline-ms", "ms", "Time for the text; the last pass within it writes all that is left", "no limit");

    private readonly Option<string?> _cache = Setting<string?>(
        "--cache", "kind", $"Keys and values to keep between passes, not exact: {string.Join(", ", NamesOf<CacheKind>())}", "none");

    private readonly Option<int?> _cacheRefresh = Setting<int?>(
        "--cache-refresh", "n", "Compute everything in every n-th pass", "when the kind of cache says so");

    private readonly Option<string?> _remasking = Setting<string?>(
        "--remasking",
        "order",
        $"Which tokens are committed first: {string.Join(", ", NamesOf<Remasking>())}",
        NameOf(s_standard.Remasking));

    private readonly Option<string?> _latentMethod = Setting<string?>(
        "--latent-method",
        "method",
        $"How latents take a step: {string.Join(", ", NamesOf<LatentMethod>())}",
        NameOf(s_standard.Latents.Method));

    private readonly Option<bool> _rawLatents = new("--raw-latents")
    {
        Description = "Decode latents as they are. [default: their nearest codes, if the model has codes]",
    };

    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "Start of the random numbers; the same seed gives the same text.",
        HelpName = "n",
        DefaultValueFactory = _ => s_standard.Seed,
    };

    public void AddTo(Command command)
    {
        ExpectName<Remasking>(_remasking);
        ExpectName<Transfer>(_transfer);
        ExpectName<RemdmKind>(_remdm);
        ExpectName<CacheKind>(_cache);
        ExpectName<LatentMethod>(_latentMethod);
        Option[] options =
        [
            _steps, _blockSize, _transfer, _temperature, _topP, _topK, _cfgScale, _remasking, _threshold, _factor, _entropyBound,
            _stability, _lowThreshold, _verifyThreshold, _leftToRight, _draftTokens, _credit, _earlyExit, _remaskBelow, _editThreshold,
            _remdm, _remdmEta, _maxPasses, _deadline, _cache, _cacheRefresh, _latentMethod, _rawLatents, _seed,
        ];
        foreach (Option option in options)
        {
            command.Add(option);
        }

        RequireRanges();
        command.Validators.Add(result =>
        {
            if (result.GetResult(_remdmEta) is not null && result.GetResult(_remdm) is null)
            {
                result.AddError($"Expected {_remdmEta.Name} beside {_remdm.Name}, found it alone.");
            }
        });
    }

    /// <summary>What the options say.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="defaults">Those of the model.</param>
    public SamplerOptions Read(ParseResult parsed, SamplerOptions defaults)
    {
        SamplerOptions read = Others(parsed, defaults);
        read = parsed.GetValue(_threshold) is double threshold
            ? read with { Threshold = threshold == 0 ? null : threshold }
            : read.WithoutThresholdOf(defaults);
        int? drafts = parsed.GetValue(_draftTokens);
        return read.ReadAs(defaults, parsed.GetValue(_leftToRight), namesDrafts: drafts is not null, drafts == 0 ? null : drafts);
    }

    /// <summary>Start of the random numbers.</summary>
    public ulong Seed(ParseResult parsed) => parsed.GetValue(_seed);

    // What SamplerOptions would refuse too, once the model is loaded.
    private void RequireRanges()
    {
        _steps.RequireRange(1, SamplerOptions.MaximumCount);
        _blockSize.RequireRange(1, SamplerOptions.MaximumCount);
        _temperature.RequireRange(0, 100);
        _topP.RequirePositive(1);
        _topK.RequireRange(1, int.MaxValue);
        _cfgScale.RequireRange(0, 100);
        _threshold.RequireRange(0, 1);
        _factor.RequirePositive(1e6);
        _entropyBound.RequireRange(0, 1000);
        _stability.RequirePositive(1000);
        _lowThreshold.RequirePositive(1);
        _verifyThreshold.RequirePositive(1);
        _draftTokens.RequireRange(0, SamplerOptions.MaximumDraft);
        _earlyExit.RequirePositive(1000);
        _remaskBelow.RequirePositive(1);
        _editThreshold.RequirePositive(1);
        _remdmEta.RequireRange(0, 1);
        _maxPasses.RequireRange(1, int.MaxValue);
        _deadline.RequireRange(1, int.MaxValue);
        _cacheRefresh.RequireRange(1, int.MaxValue);
    }

    private SamplerOptions Others(ParseResult parsed, SamplerOptions defaults) => defaults with
    {
        Steps = parsed.GetValue(_steps) ?? defaults.Steps,
        BlockSize = parsed.GetValue(_blockSize) ?? defaults.BlockSize,
        Transfer = Named<Transfer>(parsed.GetValue(_transfer)) ?? defaults.Transfer,
        Temperature = parsed.GetValue(_temperature) ?? defaults.Temperature,
        TopP = parsed.GetValue(_topP) ?? defaults.TopP,
        TopK = parsed.GetValue(_topK) ?? defaults.TopK,
        CfgScale = parsed.GetValue(_cfgScale) ?? defaults.CfgScale,
        Factor = parsed.GetValue(_factor) ?? defaults.Factor,
        EntropyBound = parsed.GetValue(_entropyBound) ?? defaults.EntropyBound,
        Stability = parsed.GetValue(_stability) ?? defaults.Stability,
        LowThreshold = parsed.GetValue(_lowThreshold) ?? defaults.LowThreshold,
        VerifyThreshold = parsed.GetValue(_verifyThreshold) ?? defaults.VerifyThreshold,
        Credit = parsed.GetValue(_credit) || defaults.Credit,
        EarlyExit = parsed.GetValue(_earlyExit) ?? defaults.EarlyExit,
        RemaskBelow = parsed.GetValue(_remaskBelow) ?? defaults.RemaskBelow,
        EditThreshold = parsed.GetValue(_editThreshold) ?? defaults.EditThreshold,
        Remdm = Named<RemdmKind>(parsed.GetValue(_remdm)) ?? defaults.Remdm,
        RemdmEta = parsed.GetValue(_remdmEta) ?? defaults.RemdmEta,
        MaxPasses = parsed.GetValue(_maxPasses) ?? defaults.MaxPasses,
        Deadline = parsed.GetValue(_deadline) is int ms ? TimeSpan.FromMilliseconds(ms) : defaults.Deadline,
        Cache = Named<CacheKind>(parsed.GetValue(_cache)) ?? defaults.Cache,
        CacheRefresh = parsed.GetValue(_cacheRefresh) ?? defaults.CacheRefresh,
        Remasking = Named<Remasking>(parsed.GetValue(_remasking)) ?? defaults.Remasking,
        Latents = new LatentOptions
        {
            Method = Named<LatentMethod>(parsed.GetValue(_latentMethod)) ?? defaults.Latents.Method,
            Raw = parsed.GetValue(_rawLatents) || defaults.Latents.Raw,
        },
        Seed = parsed.GetValue(_seed),
    };

    private static void ExpectName<T>(Option<string?> option)
        where T : struct, Enum =>
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is string name && Named<T>(name) is null)
            {
                string known = string.Join(", ", NamesOf<T>());
                result.AddError($"Expected {option.Name} to be one of {known}, found {TerminalText.Quote(name)}.");
            }
        });

    private static T? Named<T>(string? name)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (NameOf(value) == name)
            {
                return value;
            }
        }

        return null;
    }

    private static IEnumerable<string> NamesOf<T>()
        where T : struct, Enum => Enum.GetValues<T>().Select(value => NameOf(value));

    private static string NameOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static Option<T> Setting<T>(string name, string value, string meaning, string standard) =>
        new(name) { HelpName = value, Description = $"{meaning}. [default: the model's, or {standard}]" };
}
