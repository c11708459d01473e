// A network and what reads its logits, ready for one canvas after another. The loop over a canvas is SamplerRun.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Denoises canvases with one network; not thread-safe, use one sampler a thread.</summary>
public sealed class Sampler
{
    private readonly IDenoiser _denoiser;
    private readonly CandidateReader _reader;
    private readonly TimeProvider _time;

    /// <summary>Makes a sampler.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="workers">Threads that share the rows of a step; null: the caller alone. The result is the same.</param>
    /// <param name="time">The clock of <see cref="SamplerOptions.Deadline"/>; null: the system's.</param>
    public Sampler(IDenoiser denoiser, WorkerPool? workers = null, TimeProvider? time = null)
    {
        _denoiser = denoiser;
        _reader = new CandidateReader(denoiser.VocabularySize, workers);
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Denoises <paramref name="canvas"/> to the end.</summary>
    /// <param name="canvas">Changed in place.</param>
    /// <param name="options">Checked before the first pass.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <param name="observer">Called after every step.</param>
    /// <returns>The number of passes through the network.</returns>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit; the network returned NaN.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the canvas is as the last step left it.</exception>
    public int Run(
        Canvas canvas, SamplerOptions options, CancellationToken cancellation = default, Action<DenoisingStep>? observer = null)
    {
        int passes = 0;
        foreach (DenoisingStep step in Steps(canvas, options, cancellation))
        {
            passes = step.ForwardPasses;
            observer?.Invoke(step);
        }

        return passes;
    }

    /// <summary>Denoises <paramref name="canvas"/> step by step, as the result is enumerated; no step if nothing is noisy.</summary>
    /// <inheritdoc cref="Run"/>
    /// <returns>The steps, in order.</returns>
    public IEnumerable<DenoisingStep> Steps(Canvas canvas, SamplerOptions options, CancellationToken cancellation = default)
    {
        options.Validate();
        CheckFit(canvas);
        int blockSize = Math.Max(1, Math.Min(options.BlockSize ?? int.MaxValue, canvas.NoisyCount));
        int blocks = (canvas.NoisyCount + blockSize - 1) / blockSize;
        return options.Steps is null || options.Steps >= blocks
            ? new SamplerRun(_denoiser, _reader, _time, canvas, options).Steps(blockSize, blocks, cancellation)
            : throw new CinnabarException(
                $"Expected the option Steps to be at least {blocks}, one for each block of {blockSize} positions, found {options.Steps}.",
                "Raise Steps or BlockSize.");
    }

    private void CheckFit(Canvas canvas)
    {
        if (canvas.Tokens.MaskTokenId != _denoiser.MaskTokenId)
        {
            throw new ArgumentException(
                $"The canvas marks noise with token {canvas.Tokens.MaskTokenId}, the network with {_denoiser.MaskTokenId}.",
                nameof(canvas));
        }

        if (canvas.Length > _denoiser.MaxLength)
        {
            throw new CinnabarException(
                $"Expected a canvas of at most {_denoiser.MaxLength} tokens (the network's limit), found {canvas.Length}.",
                "Shorten the prompt, or ask for fewer new tokens.");
        }

        int vocabularySize = _denoiser.VocabularySize;
        CanvasTokens tokens = canvas.Tokens;
        int[] special = [.. tokens.Forbidden(HoleKind.Continuation), .. tokens.Forbidden(HoleKind.Infill)];
        foreach (int id in (int[])[.. canvas.Ids, .. special])
        {
            if ((uint)id >= (uint)vocabularySize)
            {
                throw new CinnabarException(
                    $"Expected token ids below {vocabularySize} (the network's vocabulary), found {id}.",
                    "Use the tokenizer that belongs to this network.");
            }
        }
    }
}
