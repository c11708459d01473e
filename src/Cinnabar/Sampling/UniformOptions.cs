using Cinnabar.Checkpoints;

namespace Cinnabar.Sampling;

/// <summary>How canvases of uniform noise are denoised; the defaults are those of DiffusionGemma.</summary>
public sealed record UniformOptions
{
    /// <summary>The most steps of a canvas that can be asked for, 65,536: far more than any canvas needs.</summary>
    public const int MaximumSteps = 1 << 16;

    /// <summary>Most steps of each canvas, from 1 to <see cref="MaximumSteps"/> (max_denoising_steps). Default 48.</summary>
    public int Steps { get; init; } = 48;

    /// <summary>Temperature of the first step, greater than <see cref="MinTemperature"/>, at most 100 (t_max). Default 0.8.</summary>
    public double MaxTemperature { get; init; } = 0.8;

    /// <summary>Temperature that the steps fall towards, greater than 0 (t_min). Default 0.4.</summary>
    public double MinTemperature { get; init; } = 0.4;

    /// <summary>
    /// A step accepts as many tokens, least entropy first, as keep the sum of the entropies before the last one within this, in nats,
    /// 0 … 1000 (sampler_config.entropy_bound). Default 0.1.
    /// </summary>
    public double EntropyBound { get; init; } = 0.1;

    /// <summary>
    /// A canvas is done when its most probable tokens are those of so many steps before, 0 … 1024 (stability_threshold), and surely so:
    /// <see cref="MeanEntropy"/>. Default 1.
    /// </summary>
    public int StableSteps { get; init; } = 1;

    /// <summary>A canvas may be done if its mean entropy is below this, in nats, 0 … 1000 (confidence_threshold). Default 0.005.</summary>
    public double MeanEntropy { get; init; } = 0.005;

    /// <summary>The random numbers, to repeat what another program drew; null: those of the seed.</summary>
    public IUniformDraws? Draws { get; init; }

    /// <summary>Temperature of a step: T = Min + (Max − Min)·n/N, n counting the steps of the canvas down from N to 1.</summary>
    /// <param name="step">From 1 to <see cref="Steps"/>.</param>
    public double TemperatureOf(int step) => MinTemperature + ((MaxTemperature - MinTemperature) * (Steps - step + 1) / Steps);

    /// <summary>Checks every option.</summary>
    /// <exception cref="CinnabarException">An option is outside its range.</exception>
    public void Validate()
    {
        Check(Steps is >= 1 and <= MaximumSteps, nameof(Steps), $"1 … {MaximumSteps}", Steps);
        Check(MinTemperature is > 0 and < 100, nameof(MinTemperature), "greater than 0, less than 100", MinTemperature);
        bool isAbove = MaxTemperature > MinTemperature && MaxTemperature <= 100;
        Check(isAbove, nameof(MaxTemperature), $"greater than MinTemperature {MinTemperature}, at most 100", MaxTemperature);
        Check(EntropyBound is >= 0 and <= 1000, nameof(EntropyBound), "0 … 1000", EntropyBound);
        Check(StableSteps is >= 0 and <= 1024, nameof(StableSteps), "0 … 1024", StableSteps);
        Check(MeanEntropy is >= 0 and <= 1000, nameof(MeanEntropy), "0 … 1000", MeanEntropy);
    }

    /// <summary>Reads what a generation_config.json says of them; null if it says nothing.</summary>
    internal static UniformOptions? Read(JsonSettings json)
    {
        UniformOptions standard = new();
        JsonSettings? sampler = json.Member("sampler_config");
        sampler?.OptionalWord("_cls_name", "EntropyBoundSamplerConfig");
        UniformOptions read = new()
        {
            Steps = json.OptionalInt32("max_denoising_steps", 1, MaximumSteps) ?? standard.Steps,
            MaxTemperature = json.OptionalNumber("t_max", 0, 100, aboveLeast: true) ?? standard.MaxTemperature,
            MinTemperature = json.OptionalNumber("t_min", 0, 100, aboveLeast: true) ?? standard.MinTemperature,
            EntropyBound = sampler?.OptionalNumber("entropy_bound", 0, 1000) ?? standard.EntropyBound,
            StableSteps = json.OptionalInt32("stability_threshold", 0, 1024) ?? standard.StableSteps,
            MeanEntropy = json.OptionalNumber("confidence_threshold", 0, 1000) ?? standard.MeanEntropy,
        };
        if (read.MaxTemperature <= read.MinTemperature)
        {
            throw json.Wrong("t_max", $"a number above t_min {read.MinTemperature}", $"{read.MaxTemperature}");
        }

        return read == standard ? null : read;
    }

    private static void Check(bool holds, string option, string range, object found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the option Uniform.{option} to be {range}, found {found}.", $"Change {option}.");
        }
    }
}
