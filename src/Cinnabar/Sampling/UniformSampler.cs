// A network of uniform noise and what reads its logits, ready for one canvas after another. The loop over a canvas is UniformRun.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Continues texts with a network of uniform noise; not thread-safe, use one sampler a thread.</summary>
public sealed class UniformSampler
{
    private readonly IUniformDenoiser _network;
    private readonly UniformReader _reader;

    /// <summary>Makes a sampler.</summary>
    /// <param name="network">The network.</param>
    /// <param name="workers">Threads that share the rows of a step; null: the caller alone. The result is the same.</param>
    /// <param name="tokens">
    /// Ids from this one on are rows of the network's table that no token belongs to: neither noise nor text. Null: there are none.
    /// </param>
    public UniformSampler(IUniformDenoiser network, WorkerPool? workers = null, int? tokens = null)
    {
        _network = network;
        _reader = new UniformReader(Math.Min(network.VocabularySize, tokens ?? int.MaxValue), workers);
    }

    /// <summary>Denoises <paramref name="canvas"/> to the end.</summary>
    /// <param name="canvas">Known text, then one continuation; changed in place.</param>
    /// <param name="options">MaxNewTokens, Seed and Uniform; others must be left at their defaults.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <param name="observer">Called after every step.</param>
    /// <param name="draws">Random numbers; null: those of the seed.</param>
    /// <returns>The number of passes over canvases.</returns>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit; the network returned NaN.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the canvas is as the last step left it.</exception>
    public int Run(
        Canvas canvas,
        SamplerOptions options,
        CancellationToken cancellation = default,
        Action<DenoisingStep>? observer = null,
        IUniformDraws? draws = null)
    {
        UniformRun run = Begin(canvas, options, draws);
        while (run.Step(cancellation))
        {
            observer?.Invoke(run.Report());
        }

        return run.Passes;
    }

    /// <summary>Denoises <paramref name="canvas"/> step by step, as the result is enumerated.</summary>
    /// <inheritdoc cref="Run(Canvas, SamplerOptions, CancellationToken, Action{DenoisingStep}?, IUniformDraws?)"/>
    /// <returns>The steps, in order.</returns>
    public IEnumerable<DenoisingStep> Steps(
        Canvas canvas, SamplerOptions options, CancellationToken cancellation = default, IUniformDraws? draws = null)
    {
        UniformRun run = Begin(canvas, options, draws);
        return Enumerate();

        IEnumerable<DenoisingStep> Enumerate()
        {
            while (run.Step(cancellation))
            {
                yield return run.Report();
            }
        }
    }

    /// <summary>Throws if the noise of a network is not its mask token.</summary>
    /// <param name="network">The network.</param>
    /// <param name="purpose">What it is wanted for.</param>
    /// <exception cref="CinnabarException">Its noise is uniform.</exception>
    public static void RequireMask(IDenoiser network, string purpose)
    {
        if (network is IUniformDenoiser)
        {
            throw new CinnabarException(
                $"Expected for {purpose} a network whose noise is the mask token, found one whose noise is random tokens.",
                "Use another model, or let this one continue a text.");
        }
    }

    /// <summary>Checks that everything fits together and starts a run.</summary>
    internal UniformRun Begin(Canvas canvas, SamplerOptions options, IUniformDraws? draws = null)
    {
        Check(canvas, options);
        return new UniformRun(
            _network, _reader, canvas, options, draws ?? new SeededDraws(options.Seed, _network.CanvasLength));
    }

    /// <summary>Checks that the options, the canvas and the network fit together. Thread-safe.</summary>
    /// <exception cref="CinnabarException">They do not.</exception>
    internal void Check(Canvas canvas, SamplerOptions options)
    {
        options.Validate();
        CheckOptions(options);
        if (canvas.Holes is not [{ Kind: HoleKind.Continuation }])
        {
            throw new CinnabarException(
                "Expected a canvas of known text and one continuation for a network whose noise is random tokens, "
                + $"found {canvas.Holes.Count} holes{(canvas.Holes.Count == 1 ? ", an infill hole" : "")}.",
                "Holes with text after them need another model: let this one continue a text.");
        }

        if (canvas.Length > _network.MaxLength)
        {
            throw new CinnabarException(
                $"Expected a canvas of at most {_network.MaxLength} tokens (the network's limit), found {canvas.Length}.",
                "Shorten the prompt, or ask for fewer new tokens.");
        }

        if (canvas.IsSteered || (canvas.NoisyCount > 0 && canvas.NoisyCount < canvas.Holes[0].Length))
        {
            throw new CinnabarException(
                "Expected a canvas without pins, bans and an earlier state for a network whose noise is random tokens, "
                + "found one with some of them.",
                "Leave them out: such networks write every token anew in each step.");
        }

        _network.CheckText(canvas.Ids[..canvas.Holes[0].Start]);
        ConstrainedStep.Check(canvas);
    }

    // Everything else is about masks, or an order that this loop does not have.
    private static void CheckOptions(SamplerOptions options)
    {
        SamplerOptions used = new()
        {
            MaxNewTokens = options.MaxNewTokens,
            Seed = options.Seed,
            Uniform = options.Uniform,
            MeasureDrift = options.MeasureDrift, // there is no cache that could drift
        };
        (string Name, bool IsDefault)[] others =
        [
            (nameof(options.Steps), options.Steps == used.Steps),
            (nameof(options.BlockSize), options.BlockSize == used.BlockSize),
            (nameof(options.Temperature), options.Temperature == used.Temperature),
            (nameof(options.TopP), options.TopP == used.TopP),
            (nameof(options.TopK), options.TopK == used.TopK),
            (nameof(options.CfgScale), options.CfgScale == used.CfgScale),
            (nameof(options.Remasking), options.Remasking == used.Remasking),
            (nameof(options.Threshold), options.Threshold == used.Threshold),
            (nameof(options.Factor), options.Factor == used.Factor),
            (nameof(options.EntropyBound), options.EntropyBound == used.EntropyBound),
            (nameof(options.MaxPasses), options.MaxPasses == used.MaxPasses),
            (nameof(options.Deadline), options.Deadline == used.Deadline),
            (nameof(options.Cache), options.Cache == used.Cache),
            (nameof(options.Alternatives), options.Alternatives == used.Alternatives),
        ];
        if (options != used)
        {
            string[] names = [.. others.Where(other => !other.IsDefault).Select(other => other.Name)];
            throw new CinnabarException(
                "Expected of the options only MaxNewTokens, Seed and Uniform for a network whose noise is random tokens, "
                + $"found {(names.Length == 0 ? "others" : string.Join(", ", names))}.",
                "Leave them out; steps, temperatures and the entropy bound of such networks are in Uniform.");
        }
    }
}
