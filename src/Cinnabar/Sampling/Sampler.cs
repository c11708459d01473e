// The loop: denoise the canvas, let the policy choose what to commit, repeat until no position is noisy.
//
//   for each block of BlockSize noisy positions, left to right          (whole canvas: one block)
//     repeat until the block is clean and the policy is content
//       logits of the block's noisy rows  ←  denoiser(whole canvas)      future masks are visible
//       candidate, score per row          ←  CandidateReader, StepPolicy.Score
//       commit, edit, mask again          ←  StepPolicy.Choose
//       settle holes whose end token stands                              (Canvas)
//
// A policy that looks back is also given the rows of committed positions. Blocks are runs of consecutive *noisy* positions of the initial
// canvas, so with several holes a block may span two of them. Options.Steps is divided evenly among the blocks, remainder first; it need
// not be divisible, unlike in LLaDA. The last step of a block commits all that is left, so a run ends whatever the policy does. A step
// whose quota is 0 costs no pass. When the budget (PassBudget) allows one step more, that step commits everything on the canvas.
// When end of text is committed and everything before it is filled, Canvas.Settle fills the rest and the loop ends.
//
// Sources: ML-GSAI/LLaDA generate.py (blocks, quotas, guidance); HKUNLP/Dream generation_utils.py (timesteps).
using System.Diagnostics;
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
            ? Denoise(canvas, options, blockSize, blocks, cancellation)
            : throw new CinnabarException(
                $"Expected the option Steps to be at least {blocks}, one for each block of {blockSize} positions, found {options.Steps}.",
                "Raise Steps or BlockSize.");
    }

    private IEnumerable<DenoisingStep> Denoise(
        Canvas canvas, SamplerOptions options, int blockSize, int blocks, CancellationToken cancellation)
    {
        StepPolicy policy = StepPolicy.From(options);
        policy.Begin(canvas);
        var budget = new PassBudget(options, _time);
        int[] noisy = canvas.NoisyPositions();
        int number = 0;
        for (int block = 0; block < blocks && canvas.NoisyCount > 0; block++)
        {
            int[] positions = noisy[(block * blockSize)..Math.Min(noisy.Length, (block + 1) * blockSize)];
            int masks = StillNoisy(canvas, positions).Length;
            var context = new StepContext(0, options.Steps is int all ? TransferQuota.Even(all, blocks, block) : masks, 0);
            StepChoice? choice = null;
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                bool isFinal = budget.StepsLeft == 1;
                positions = isFinal ? noisy : positions;
                int[] rows = StillNoisy(canvas, positions);
                context = context with { Quota = QuotaOf(context, options, masks, rows.Length, canvas.NoisyCount, budget) };
                if (rows.Length == 0 && (masks == 0 || !policy.Continues(context, choice)))
                {
                    break;
                }

                number++;
                StepContext now = isFinal ? context with { Index = context.Steps } : context;
                choice = Choose(canvas, positions, rows, now, options, policy, budget, number);
                yield return Apply(canvas, choice, number, block) with { ForwardPasses = budget.Passes };
                if (isFinal)
                {
                    yield break;
                }

                context = context with { Index = context.Index + 1, CleanSteps = context.CleanSteps + (rows.Length == 0 ? 1 : 0) };
            }
        }
    }

    // A budget that runs short raises the quota of the schedule.
    private static int QuotaOf(
        in StepContext context, SamplerOptions options, int masks, int noisyInBlock, int noisyOnCanvas, PassBudget budget)
    {
        int scheduled = context.IsLast ? noisyInBlock
            : options.Transfer == Transfer.Even ? TransferQuota.Even(masks, context.Steps, context.Index)
            : TransferQuota.Timestep(noisyInBlock, context.Steps, context.Index);
        int needed = budget.StepsLeft == int.MaxValue ? 0 : (int)Math.Ceiling(noisyOnCanvas / (double)budget.StepsLeft);
        return Math.Max(scheduled, needed);
    }

    private StepChoice Choose(
        Canvas canvas,
        int[] positions,
        int[] noisy,
        in StepContext context,
        SamplerOptions options,
        StepPolicy policy,
        PassBudget budget,
        int step)
    {
        int[] committed = canvas.CommittedText(positions);
        int[] rows = policy.LooksBack ? [.. noisy.Concat(committed).Order()] : noisy;
        var choice = new StepChoice();
        if (!policy.NeedsPass(context))
        {
            return choice;
        }

        Candidate[] candidates = [];
        Review[] reviews = [];
        if (rows.Length > 0)
        {
            Tensor logits = budget.Spend(() => Logits(canvas, rows, options));
            (candidates, reviews) = _reader.Read(logits, canvas, rows, options, policy, step);
        }

        policy.Choose(new StepView(context, canvas, candidates, committed, reviews, options.Seed, step), choice);
        if (context.IsLast)
        {
            choice.Renoised.Clear();
            choice.Commits.Clear();
            choice.Commits.AddRange(candidates);
        }

        return choice;
    }

    private static DenoisingStep Apply(Canvas canvas, StepChoice choice, int step, int block)
    {
        List<Commit> commits = [.. choice.Commits.Select(c => new Commit(c.Position, c.TokenId, (float)c.Probability))];
        foreach (Commit commit in commits)
        {
            canvas.Commit(commit, step);
        }

        foreach (Commit edit in choice.Edits)
        {
            canvas.Edit(edit, step);
        }

        // What is now behind the end of its hole is no text any more.
        canvas.Settle(step, commits);
        int[] renoised = canvas.CommittedText([.. choice.Renoised.Order()]);
        foreach (int position in renoised)
        {
            canvas.Renoise(position);
        }

        return new DenoisingStep(
            step,
            ForwardPasses: 0,
            block,
            [.. commits.OrderBy(commit => commit.Position)],
            [.. choice.Edits.OrderBy(edit => edit.Position)],
            renoised,
            canvas.NoisyCount,
            canvas);
    }

    private Tensor Logits(Canvas canvas, int[] rows, SamplerOptions options)
    {
        Tensor logits = _denoiser.Logits(canvas.IdArray, rows);
        CheckShape(logits, rows.Length);
        if (options.CfgScale == 0)
        {
            return logits;
        }

        // The denoiser reuses its tensor, so the first result is copied before the second pass.
        Tensor guided = Tensor.From(logits.Floats, logits.Shape);
        Tensor unconditional = _denoiser.Logits(ClassifierFreeGuidance.Unconditional(canvas), rows);
        CheckShape(unconditional, rows.Length);
        ClassifierFreeGuidance.Combine(guided.Floats, unconditional.Floats, options.CfgScale);
        return guided;
    }

    private static int[] StillNoisy(Canvas canvas, int[] positions) =>
        Array.FindAll(positions, position => canvas.StateOf(position) == PositionState.Noisy);

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

    private void CheckShape(Tensor logits, int rows)
    {
        if (logits.Rows != rows || logits.Columns != _denoiser.VocabularySize)
        {
            throw new InvalidOperationException(
                $"Expected logits of shape [{rows}, {_denoiser.VocabularySize}] from the denoiser, found {logits.ShapeText()}.");
        }
    }
}
