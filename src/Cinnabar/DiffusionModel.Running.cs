// How canvases are denoised with a model: options as its network follows them, samplers, runs.
using System.Diagnostics;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar;

public sealed partial class DiffusionModel
{
    /// <summary>A batch of canvases; while it is in use nothing else may use the model.</summary>
    /// <param name="time">The clock of deadlines.</param>
    internal SamplerBatch StartBatch(TimeProvider time) => SamplerOf(Denoiser, time).StartBatch();

    /// <summary>Checks that a canvas and options fit the model. Thread-safe.</summary>
    /// <exception cref="CinnabarException">They do not.</exception>
    internal void Check(Canvas canvas, SamplerOptions options) => _sampler.Check(canvas, options);

    /// <summary>A sampler for the model's network, or for one made of it.</summary>
    internal Sampler SamplerOf(IDenoiser network, TimeProvider? time = null) => new(
        network,
        Kernels.Workers,
        time,
        network == Denoiser ? Kernels.TokenStatistics : null,
        Tokenizer.VocabularySize);

    /// <summary>
    /// The options as this network follows them. An autoregressive one writes one token per step from the left: BlockSize 1, no Steps, and
    /// nothing is drafted or verified, as nothing stands beside it.
    /// Where noise is random tokens, Steps and EntropyBound move into <see cref="SamplerOptions.Uniform"/>. Others follow them as they are.
    /// </summary>
    /// <param name="options">As they were asked for.</param>
    public SamplerOptions Followed(SamplerOptions options) => Config.IsAutoregressive
        ? options with { BlockSize = 1, Steps = null, VerifyThreshold = null, DraftTokens = null, LeftToRight = false }
        : Denoiser.Noise == NoiseKind.Uniform ? options with
        {
            Steps = null,
            EntropyBound = null,
            Uniform = options.Uniform with
            {
                Steps = options.Steps ?? options.Uniform.Steps, EntropyBound = options.EntropyBound ?? options.Uniform.EntropyBound,
            },
        }
        : options;

    private static TextCanvas Constrained(TextCanvas text, Constraint? constraint)
    {
        if (constraint is not null)
        {
            text.Constrain(hole: 0, constraint);
        }

        return text;
    }

    private GenerationResult Run(
        TextCanvas text, SamplerOptions options, Action<DenoisingStep>? onStep, CancellationToken cancellation) =>
        Run(text.Canvas, options, onStep, cancellation, text.ToResult);

    private GenerationResult Run(
        Canvas canvas,
        SamplerOptions options,
        Action<DenoisingStep>? onStep,
        CancellationToken cancellation,
        Func<GenerationResult> result,
        Sampler? sampler = null)
    {
        options = Followed(options);
        DenoisingStep? last = null;
        float? drift = null;
        Stopwatch time = Stopwatch.StartNew();
        (sampler ?? _sampler).Run(canvas, options, cancellation, Observe, isWatched: onStep is not null);
        return GenerationResult.Finished(result(), this, options, last, time.Elapsed) with { CacheDrift = drift };

        void Observe(DenoisingStep step)
        {
            last = step;
            drift = step.CacheDrift is float now ? Math.Max(drift ?? 0, now) : drift;
            onStep?.Invoke(step);
        }
    }
}
