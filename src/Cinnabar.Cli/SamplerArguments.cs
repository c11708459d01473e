using System.CommandLine;
using System.Text.Json;
using Cinnabar.Sampling;

namespace Cinnabar.Cli;

/// <summary>The options of the sampler. One that is not given has the model's own default, or else the sampler's.</summary>
internal sealed class SamplerArguments
{
    private static readonly SamplerOptions s_standard = new();
    private static readonly string[] s_orders = [.. Enum.GetValues<Remasking>().Select(NameOf)];

    private readonly Option<int?> _steps = Setting<int?>("--steps", "n", "Denoising steps", "one a token");
    private readonly Option<int?> _blockSize = Setting<int?>(
        "--block-size", "n", "Tokens that are denoised together, block after block from the left", "all");

    private readonly Option<double?> _temperature = Setting<double?>(
        "--temperature", "t", "0 takes the most probable token; higher is more varied", $"{s_standard.Temperature}");

    private readonly Option<double?> _topP = Setting<double?>(
        "--top-p", "p", "Draw only from the most probable tokens that sum to p", "off");

    private readonly Option<int?> _topK = Setting<int?>("--top-k", "k", "Draw only from the k most probable tokens", "off");
    private readonly Option<double?> _cfgScale = Setting<double?>(
        "--cfg-scale", "s", "Classifier-free guidance; doubles the work", "0, off");

    private readonly Option<double?> _threshold = Setting<double?>(
        "--threshold", "p", "Also commit every token at least this sure, so fewer steps are needed; 0.9 is usual", "off");

    private readonly Option<string?> _remasking = Setting<string?>(
        "--remasking", "order", $"Which tokens are committed first: {string.Join(", ", s_orders)}", NameOf(s_standard.Remasking));

    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "Start of the random numbers; the same seed gives the same text.",
        HelpName = "n",
        DefaultValueFactory = _ => s_standard.Seed,
    };

    public SamplerArguments AddTo(Command command)
    {
        _remasking.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is string name && !s_orders.Contains(name))
            {
                result.AddError($"Expected --remasking to be one of {string.Join(", ", s_orders)}, found {TerminalText.Quote(name)}.");
            }
        });
        foreach (Option option in (Option[])[_steps, _blockSize, _temperature, _topP, _topK, _cfgScale, _threshold, _remasking, _seed])
        {
            command.Add(option);
        }

        return this;
    }

    public SamplerOptions Read(ParseResult parsed, SamplerOptions defaults) => defaults with
    {
        Steps = parsed.GetValue(_steps) ?? defaults.Steps,
        BlockSize = parsed.GetValue(_blockSize) ?? defaults.BlockSize,
        Temperature = parsed.GetValue(_temperature) ?? defaults.Temperature,
        TopP = parsed.GetValue(_topP) ?? defaults.TopP,
        TopK = parsed.GetValue(_topK) ?? defaults.TopK,
        CfgScale = parsed.GetValue(_cfgScale) ?? defaults.CfgScale,
        Threshold = parsed.GetValue(_threshold) ?? defaults.Threshold,
        Remasking = parsed.GetValue(_remasking) is string name
            ? Enum.GetValues<Remasking>().First(r => NameOf(r) == name)
            : defaults.Remasking,
        Seed = parsed.GetValue(_seed),
    };

    private static string NameOf(Remasking remasking) => JsonNamingPolicy.SnakeCaseLower.ConvertName(remasking.ToString());

    private static Option<T> Setting<T>(string name, string value, string meaning, string standard) =>
        new(name) { HelpName = value, Description = $"{meaning}. [default: the model's, or {standard}]" };
}
