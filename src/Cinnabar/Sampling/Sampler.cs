// The loop: denoise the canvas, let the policy choose what to commit, repeat until no position is noisy.
//
//   for each block of BlockSize noisy positions, left to right          (whole canvas: one block)
//     repeat for the block's steps, or until the block is clean
//       logits of the block's noisy rows  ←  denoiser(whole canvas)      future masks are visible
//       token, score per row              ←  TokenDistribution, StepPolicy
//       commit the surest; settle holes whose end token stands           (Canvas)
//
// Blocks are runs of consecutive *noisy* positions of the initial canvas, so with several holes a block may span two of them.
// Options.Steps is divided evenly among the blocks, remainder first; it need not be divisible, unlike in LLaDA. A step whose quota is 0
// costs no pass. When end of text is committed and everything before it is filled, Canvas.Settle fills the rest and the loop ends.
//
// Random numbers are looked up by (seed, step, position, token): rows may be spread over threads in any way.
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
    private readonly WorkerPool? _workers;
    private readonly TokenDistribution[] _rows;

    /// <summary>Makes a sampler.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="workers">Threads that share the rows of a step; null: the caller alone. The result is the same.</param>
    public Sampler(IDenoiser denoiser, WorkerPool? workers = null)
    {
        _denoiser = denoiser;
        _workers = workers;
        _rows = new TokenDistribution[workers?.Threads ?? 1];
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = new TokenDistribution(denoiser.VocabularySize);
        }
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
        int[] noisy = canvas.NoisyPositions();
        var commits = new List<Commit>();
        int number = 0;
        int passes = 0;
        for (int block = 0; block < blocks; block++)
        {
            int[] positions = noisy[(block * blockSize)..Math.Min(noisy.Length, (block + 1) * blockSize)];
            int[] rows = StillNoisy(canvas, positions);
            int masks = rows.Length;
            int steps = options.Steps is int all ? TransferQuota.Even(all, blocks, block) : masks;
            for (int index = 0; index < steps && rows.Length > 0; index++)
            {
                cancellation.ThrowIfCancellationRequested();
                number++;
                int quota = options.Transfer == Transfer.Even
                    ? TransferQuota.Even(masks, steps, index)
                    : TransferQuota.Timestep(rows.Length, steps, index);
                var context = new StepContext(index, steps, quota);
                commits.Clear();
                if (policy.NeedsPass(context))
                {
                    passes += options.CfgScale > 0 ? 2 : 1;
                    Candidate[] candidates = Candidates(canvas, rows, options, policy, number);
                    Commit(canvas, candidates, policy, context, number, commits);
                    canvas.Settle(number, commits);
                }

                rows = StillNoisy(canvas, positions);
                commits.Sort((a, b) => a.Position.CompareTo(b.Position));
                yield return new DenoisingStep(number, passes, block, [.. commits], canvas.NoisyCount, canvas);
            }

            Debug.Assert(rows.Length == 0, "The quotas of a block sum to its masks.");
        }
    }

    private Candidate[] Candidates(Canvas canvas, int[] rows, SamplerOptions options, StepPolicy policy, int step)
    {
        Tensor logits = Logits(canvas, rows, options);
        int[] inContinuation = canvas.Tokens.Forbidden(HoleKind.Continuation, options.AllowPadding);
        int[] inInfill = canvas.Tokens.Forbidden(HoleKind.Infill);
        var candidates = new Candidate[rows.Length];
        int grain = (rows.Length + _rows.Length - 1) / _rows.Length;

        void Evaluate(int range)
        {
            TokenDistribution row = _rows[range];
            for (int i = range * grain; i < Math.Min(rows.Length, (range + 1) * grain); i++)
            {
                int position = rows[i];
                var random = new CounterRandom(options.Seed, step, position);
                HoleKind kind = canvas.Holes[canvas.HoleOf(position)].Kind;
                row.Load(logits.Row(i), kind == HoleKind.Infill ? inInfill : inContinuation, options, random, position);
                double score = EndsTooEarly(canvas, position, row.TokenId) ? double.NegativeInfinity : policy.Score(row, random);
                candidates[i] = new Candidate(position, row.TokenId, row.Probability, score);
            }
        }

        if (_workers is null)
        {
            Evaluate(0);
        }
        else
        {
            _workers.For(_rows.Length, Evaluate);
        }

        return candidates;
    }

    // Of all tokens of a hole the end token far to the right is the surest, long before the text is known. Committed in order of confidence
    // it would eat the hole from the right and leave it empty, so it waits until no position before it is noisy.
    private static bool EndsTooEarly(Canvas canvas, int position, int tokenId)
    {
        Hole hole = canvas.Holes[canvas.HoleOf(position)];
        if (hole.Kind != HoleKind.Infill || !canvas.Tokens.Ends(hole.Kind, tokenId))
        {
            return false;
        }

        for (int before = hole.Start; before < position; before++)
        {
            if (canvas.StateOf(before) == PositionState.Noisy)
            {
                return true;
            }
        }

        return false;
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

    private static void Commit(
        Canvas canvas, Candidate[] candidates, StepPolicy policy, in StepContext context, int step, List<Commit> commits)
    {
        Array.Sort(candidates, (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Position.CompareTo(b.Position));
        int count = policy.Count(Array.ConvertAll(candidates, candidate => candidate.Score), context);
        foreach (Candidate candidate in candidates.AsSpan(0, count))
        {
            var commit = new Commit(candidate.Position, candidate.TokenId, (float)candidate.Probability);
            canvas.Commit(commit, step);
            commits.Add(commit);
        }
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

    private readonly record struct Candidate(int Position, int TokenId, double Probability, double Score);
}
