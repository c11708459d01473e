// The loop: denoise the canvas, let the policy choose what to commit, repeat until no position is noisy.
//
//   for each block of BlockSize noisy positions, left to right          (whole canvas: one block)
//     repeat until the block is clean and the policy is content
//       logits of the block's noisy rows  ←  NetworkPasses(whole canvas) future masks are visible
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
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>One canvas on its way from noise to text.</summary>
internal sealed class SamplerRun
{
    private readonly Canvas _canvas;
    private readonly SamplerOptions _options;
    private readonly CandidateReader _reader;
    private readonly StepPolicy _policy;
    private readonly PassBudget _budget;
    private readonly NetworkPasses _network;

    public SamplerRun(IDenoiser denoiser, CandidateReader reader, TimeProvider time, Canvas canvas, SamplerOptions options)
    {
        _canvas = canvas;
        _options = options;
        _reader = reader;
        _policy = StepPolicy.From(options);
        _budget = new PassBudget(options, time);
        _network = new NetworkPasses(denoiser, canvas, options);
    }

    /// <summary>The steps, each taken when it is asked for.</summary>
    public IEnumerable<DenoisingStep> Steps(int blockSize, int blocks, CancellationToken cancellation)
    {
        _policy.Begin(_canvas);
        int[] noisy = _canvas.NoisyPositions();
        int number = 0;
        for (int block = 0; block < blocks && _canvas.NoisyCount > 0; block++)
        {
            int[] positions = noisy[(block * blockSize)..Math.Min(noisy.Length, (block + 1) * blockSize)];
            int masks = StillNoisy(positions).Length;
            int steps = _options.Steps is int all ? TransferQuota.Even(all, blocks, block) : masks;
            var context = new StepContext(0, steps, 0);
            StepChoice? choice = null;
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                bool isFinal = _budget.StepsLeft == 1;
                positions = isFinal ? noisy : positions;
                int[] rows = StillNoisy(positions);
                context = context with { Quota = QuotaOf(context, masks, rows.Length) };
                if (rows.Length == 0 && (masks == 0 || !_policy.Continues(context, choice)))
                {
                    break;
                }

                number++;
                choice = Choose(block, positions, rows, isFinal ? context with { Index = context.Steps } : context, number);
                yield return Apply(choice, number, block);
                if (isFinal)
                {
                    yield break;
                }

                context = context with { Index = context.Index + 1, CleanSteps = context.CleanSteps + (rows.Length == 0 ? 1 : 0) };
            }
        }
    }

    // A budget that runs short raises the quota of the schedule.
    private int QuotaOf(in StepContext context, int masks, int noisyInBlock)
    {
        int scheduled = context.IsLast ? noisyInBlock
            : _options.Transfer == Transfer.Even ? TransferQuota.Even(masks, context.Steps, context.Index)
            : TransferQuota.Timestep(noisyInBlock, context.Steps, context.Index);
        int needed = _budget.StepsLeft == int.MaxValue ? 0 : (int)Math.Ceiling(_canvas.NoisyCount / (double)_budget.StepsLeft);
        return Math.Max(scheduled, needed);
    }

    private StepChoice Choose(int block, int[] positions, int[] noisy, in StepContext context, int step)
    {
        var choice = new StepChoice();
        if (!_policy.NeedsPass(context))
        {
            return choice;
        }

        int[] committed = _canvas.CommittedText(positions);
        bool hides = _policy.HidesReviewed && committed.Length > 0;
        int[] rows = hides ? [.. noisy, .. committed] : _policy.LooksBack ? [.. noisy.Concat(committed).Order()] : noisy;
        Candidate[] candidates = [];
        Review[] reviews = [];
        if (rows.Length > 0)
        {
            Tensor logits = _budget.Spend(
                () => hides ? _network.LogitsWithShadows(noisy, committed) : _network.Logits(rows, block, positions));
            (candidates, reviews) = _reader.Read(logits, _canvas, rows, _options, _policy, step);
        }

        _policy.Choose(new StepView(context, _canvas, candidates, committed, reviews, _options.Seed, step), choice);
        if (context.IsLast)
        {
            choice.Renoised.Clear();
            choice.Commits.Clear();
            choice.Commits.AddRange(candidates);
        }

        return choice;
    }

    private DenoisingStep Apply(StepChoice choice, int step, int block)
    {
        List<Commit> commits = [.. choice.Commits.Select(c => new Commit(c.Position, c.TokenId, (float)c.Probability))];
        commits.ForEach(commit => _canvas.Commit(commit, step));
        choice.Edits.ForEach(edit => _canvas.Edit(edit, step));
        _network.Committed([.. commits, .. choice.Edits]);

        // What is now behind the end of its hole is no text any more.
        _canvas.Settle(step, commits);
        int[] renoised = _canvas.CommittedText([.. choice.Renoised.Order()]);
        Array.ForEach(renoised, _canvas.Renoise);
        return new DenoisingStep(step, _budget.Passes, block, _canvas.NoisyCount, _canvas)
        {
            Commits = [.. commits.OrderBy(commit => commit.Position)],
            Edits = [.. choice.Edits.OrderBy(edit => edit.Position)],
            Renoised = renoised,
            ComputedPositions = _network.ComputedPositions,
            CacheDrift = _network.Drift,
        };
    }

    private int[] StillNoisy(int[] positions) =>
        Array.FindAll(positions, position => _canvas.StateOf(position) == PositionState.Noisy);
}
