// A network and what reads its logits, ready for one canvas after another or several at once. The loop over a canvas is SamplerRun; runs
// that have ended, with their lists and caches, are kept for the next canvas.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>Denoises canvases with one network; not thread-safe, use one sampler a thread.</summary>
public sealed class Sampler
{
    private readonly IDenoiser _denoiser;
    private readonly CandidateReader _reader;
    private readonly TimeProvider _time;
    private readonly Stack<SamplerRun> _idle = new();
    private readonly SharedPass _shared;
    private DrawingRules? _rules;

    /// <summary>Makes a sampler.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="workers">Threads that share the rows of a step; null: the caller alone. The result is the same.</param>
    /// <param name="time">The clock of <see cref="SamplerOptions.Deadline"/>; null: the system's.</param>
    /// <param name="statistics">Reads rows of logits on the network's device, where that is enough; null: the processor reads all.</param>
    public Sampler(
        IDenoiser denoiser, WorkerPool? workers = null, TimeProvider? time = null, ITokenStatistics? statistics = null)
    {
        UniformSampler.RequireMask(denoiser, "sampling in an order of positions");
        _denoiser = denoiser;
        _reader = new CandidateReader(denoiser.VocabularySize, workers, statistics);
        _time = time ?? TimeProvider.System;
        _shared = new SharedPass(denoiser);
    }

    /// <summary>Denoises <paramref name="canvas"/> to the end.</summary>
    /// <param name="canvas">Changed in place.</param>
    /// <param name="options">Checked before the first pass.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <param name="observer">Called after every step; without one, a step after the first canvas allocates nothing.</param>
    /// <returns>The number of passes through the network.</returns>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit; the network returned NaN.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the canvas is as the last step left it.</exception>
    public int Run(
        Canvas canvas, SamplerOptions options, CancellationToken cancellation = default, Action<DenoisingStep>? observer = null)
    {
        SamplerRun run = Begin(canvas, options);
        while (run.Step(cancellation))
        {
            observer?.Invoke(run.Report());
        }

        Return(run);
        return run.Passes;
    }

    /// <summary>
    /// Denoises several canvases at once: the network computes a step of each in one pass, if it is an <see cref="IBatchDenoiser"/>.
    /// Each becomes what it would become alone; one that is done leaves the batch. Those with guidance, measured drift or VerifyThreshold
    /// take passes of their own.
    /// </summary>
    /// <param name="canvases">Changed in place, each another one.</param>
    /// <param name="options">One for each canvas.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <param name="observer">Called after every step of each canvas with the canvas' index.</param>
    /// <returns>The number of passes that each canvas took part in.</returns>
    /// <inheritdoc cref="Run(Canvas, SamplerOptions, CancellationToken, Action{DenoisingStep}?)"/>
    public int[] Run(
        IReadOnlyList<Canvas> canvases,
        IReadOnlyList<SamplerOptions> options,
        CancellationToken cancellation = default,
        Action<int, DenoisingStep>? observer = null)
    {
        if (options.Count != canvases.Count || canvases.Distinct().Count() != canvases.Count)
        {
            throw new ArgumentException(
                $"Expected different canvases and options for each, found {canvases.Count} canvases, {canvases.Distinct().Count()} of them "
                + $"different, and {options.Count} options.",
                nameof(canvases));
        }

        Dictionary<Canvas, int> indices = [];
        SamplerBatch batch = StartBatch();
        for (int i = 0; i < canvases.Count; i++)
        {
            indices.Add(canvases[i], i);
            batch.Add(canvases[i], options[i]);
        }

        int[] passes = new int[canvases.Count];
        List<Canvas> finished = [];
        while (batch.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Step(Observe, finished);
        }

        return passes;

        void Observe(DenoisingStep step)
        {
            int index = indices[step.Canvas];
            passes[index] = step.ForwardPasses;
            observer?.Invoke(index, step);
        }
    }

    /// <summary>A batch of canvases that come and go, each denoised as it would be alone. Use one batch at a time.</summary>
    public SamplerBatch StartBatch() => new(this, _shared);

    /// <summary>Denoises <paramref name="canvas"/> step by step, as the result is enumerated; no step if nothing is noisy.</summary>
    /// <inheritdoc cref="Run(Canvas, SamplerOptions, CancellationToken, Action{DenoisingStep}?)"/>
    /// <returns>The steps, in order.</returns>
    public IEnumerable<DenoisingStep> Steps(Canvas canvas, SamplerOptions options, CancellationToken cancellation = default)
    {
        SamplerRun run = Begin(canvas, options);
        return Enumerate();

        IEnumerable<DenoisingStep> Enumerate()
        {
            while (run.Step(cancellation))
            {
                yield return run.Report();
            }

            Return(run);
        }
    }

    /// <summary>Checks that the options, the canvas and the network fit together. Thread-safe.</summary>
    /// <exception cref="CinnabarException">They do not.</exception>
    internal void Check(Canvas canvas, SamplerOptions options)
    {
        DrawingRules rules = new(canvas.Tokens, options, _denoiser.VocabularySize);
        Check(canvas, rules);
        List<int> masks = [];
        CanvasBlocks.FindMasks(canvas, masks);
        CanvasBlocks.Find(masks, options, _denoiser, []);
    }

    /// <summary>Checks that everything fits together and starts a run.</summary>
    internal SamplerRun Begin(Canvas canvas, SamplerOptions options) => Begin(canvas, RulesFor(canvas, options));

    /// <summary>Takes back a run that has ended, or will not be continued.</summary>
    internal void Return(SamplerRun run) => _idle.Push(run);

    private SamplerRun Begin(Canvas canvas, DrawingRules rules)
    {
        SamplerRun run = _idle.TryPop(out SamplerRun? idle) ? idle : new SamplerRun(_denoiser, _reader, _time);
        run.Begin(canvas, rules);
        return run;
    }

    private DrawingRules RulesFor(Canvas canvas, SamplerOptions options)
    {
        if (_rules?.Are(canvas.Tokens, options) != true)
        {
            _rules = new DrawingRules(canvas.Tokens, options, _denoiser.VocabularySize);
        }

        Check(canvas, _rules);
        return _rules;
    }

    private void Check(Canvas canvas, DrawingRules rules)
    {
        if (canvas.Tokens.MaskTokenId != _denoiser.MaskTokenId)
        {
            throw new ArgumentException(
                $"The canvas marks noise with token {canvas.Tokens.MaskTokenId}, the network with {_denoiser.MaskTokenId}.",
                nameof(canvas));
        }

        if (canvas.MostLength > _denoiser.MaxLength)
        {
            throw new CinnabarException(
                $"Expected a canvas of at most {_denoiser.MaxLength} tokens (the network's limit), found {canvas.MostLength}.",
                "Shorten the prompt, or ask for fewer new tokens.");
        }

        DrawingRules.CheckIds(canvas.Ids, _denoiser.VocabularySize);
        DrawingRules.CheckIds(canvas.Banned, _denoiser.VocabularySize);
        bool isCached = NetworkPasses.CachingFor(_denoiser, rules.Options) is not null;
        string? hindrance = isCached ? "keys and values that are kept (a cache, or blocks of the network)"
            : rules.Options.BlockSize is not null ? "the option BlockSize"
            : canvas.IsSteered ? "pins or bans"
            : null;
        if (canvas.Grows && hindrance is not null)
        {
            throw new CinnabarException(
                $"Expected nothing that numbers positions beside holes that grow, found {hindrance}.",
                "Leave it out, or give holes all their positions from the start.");
        }

        ConstrainedStep.Check(canvas);
    }
}
