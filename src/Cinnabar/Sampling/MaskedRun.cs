// The loop: denoise the canvas, let the policy choose what to commit, repeat until no position is noisy.
//
//   for each block of noisy positions, left to right                     (CanvasBlocks; whole canvas: one block)
//     repeat until the block is clean and the policy is content
//       logits of the block's noisy rows  ←  NetworkPasses(whole canvas) future masks are visible; MaskedRun.Rows.cs
//       candidate, score per row          ←  CandidateReader, StepPolicy.Score
//       commit, edit, mask again          ←  StepPolicy.Choose
//       settle holes whose end token stands                              (Canvas)
//
// A policy that looks back is also given the rows of committed positions. Options.Steps is divided evenly among the blocks, remainder
// first; it need not be divisible, unlike in LLaDA. The last step of a block commits all that is left, so a run ends whatever the policy
// does. A step that commits nothing whatever the scores (StepPolicy.NeedsPass) costs no pass. When the budget (PassBudget) allows one step
// more, that step commits everything on the canvas. When end of text is committed and everything before it is filled, Canvas.Settle fills
// the rest and the loop ends.
//
// A step comes in two halves, Next and FinishStep, with the pass through the network in the second, so that several runs can share a pass
// (SharedPass). A run is used for one canvas after another and keeps its lists, which have room for all masks from the start: a step
// allocates nothing.
//
// Sources: ML-GSAI/LLaDA generate.py (blocks, quotas, guidance); HKUNLP/Dream generation_utils.py (timesteps).
using System.Runtime.InteropServices;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>One canvas on its way from masks to text.</summary>
internal sealed partial class MaskedRun(IDenoiser denoiser, CandidateReader reader, TimeProvider time) : DenoisingRun
{
    private readonly NetworkPasses _network = new(denoiser);
    private readonly PassBudget _budget = new(time);
    private readonly StepChoice _choice = new();

    // Positions, ascending: those of holes that no pin has fixed; of the active block those still noisy and those committed.
    private readonly List<int> _masks = [];
    private readonly List<int> _blockStarts = []; // in _masks, and its count
    private readonly List<int> _noisy = [];
    private readonly List<int> _committed = [];
    private readonly List<int> _rows = []; // whose logits the step wants

    private readonly List<Candidate> _candidates = [];
    private readonly List<Review> _reviews = [];
    private readonly List<Alternatives> _alternatives = [];
    private readonly List<Commit> _commits = [];
    private readonly List<int> _renoised = [];
    private readonly List<int> _expanded = [];

    private Canvas _canvas = null!;
    private DrawingRules _rules = null!;
    private StepPolicy _policy = null!;
    private int _block;
    private Range _ofBlock; // positions of the active block, in _masks
    private Range _positions; // of the step, in _masks: those of the block, or all
    private int _masksOfBlock;
    private StepContext _context;
    private int _step;
    private bool _inBlock;
    private bool _isFinal; // commits everything on the canvas
    private bool _choosesAny;
    private bool _hides;

    /// <inheritdoc/>
    public override int Passes => _budget.Passes;

    /// <inheritdoc/>
    public override Canvas Canvas => _canvas;

    /// <summary>After <see cref="Next"/>: the positions whose logits the step wants, ascending; none: it needs no pass.</summary>
    public ReadOnlySpan<int> Rows => CollectionsMarshal.AsSpan(_rows);

    /// <summary>After <see cref="Next"/>: whether the pass of the step can be shared with other runs.</summary>
    public bool SharesPass => _rows.Count > 0 && !_hides && _network.CanShare;

    private ReadOnlySpan<int> Positions => CollectionsMarshal.AsSpan(_masks)[_positions];

    private int Blocks => _blockStarts.Count - 1;

    // Two with guidance.
    private int PassesOfStep => _rules.Options.CfgScale > 0 ? 2 : 1;

    /// <summary>Starts with a canvas.</summary>
    /// <exception cref="CinnabarException">The steps or the block size do not fit the canvas and the network.</exception>
    public void Begin(Canvas canvas, DrawingRules rules)
    {
        // A policy of one's own is made for each run, as its option says: it need not forget what it saw when it begins again.
        _policy = _rules == rules && rules.Options.Policy is null ? _policy : StepPolicy.From(rules.Options);
        (_canvas, _rules) = (canvas, rules);
        (_block, _step, _inBlock, _isFinal) = (0, 0, false, false);
        CanvasBlocks.FindMasks(canvas, _masks);
        CanvasBlocks.Find(_masks, rules.Options, denoiser, _blockStarts);
        Reserve(_masks.Count);
        _budget.Begin(rules.Options, PassesOfStep, PassesOfStep);
        _network.Begin(canvas, rules.Options);
        _policy.Begin(canvas);
        BeginRows();
    }

    /// <summary>Goes on to the next step and decides which rows it wants.</summary>
    /// <returns>False: there is none.</returns>
    public override bool Next(CancellationToken cancellation)
    {
        while (!_isFinal && (_inBlock || EnterBlock()))
        {
            cancellation.ThrowIfCancellationRequested();
            int stepsLeft = _budget.StepsLeft;
            if (stepsLeft == 1)
            {
                (_isFinal, _positions) = (true, ..);
            }

            FindNoisy();
            _context = _context with { Quota = QuotaOf(stepsLeft) };
            if (_noisy.Count == 0 && (_masksOfBlock == 0 || !_policy.Continues(_context, _context.Index > 0 ? _choice : null)))
            {
                _inBlock = false;
                _block++;
                continue;
            }

            _step++;
            ChooseRows(ContextOfStep());
            return true;
        }

        return false;
    }

    /// <summary>Finishes the step with a pass of its own, if it needs one.</summary>
    public override void FinishStep()
    {
        if (_rows.Count == 0)
        {
            Finish(null, 0);
            return;
        }

        Tensor logits = _hides
            ? _network.LogitsWithShadows(CollectionsMarshal.AsSpan(_noisy), CollectionsMarshal.AsSpan(_committed))
            : _network.Logits(Rows, _block, Positions);
        _budget.Spend(PassesOfStep);
        Finish(logits, 0);
    }

    /// <summary>Adds the pass of the step to a shared one.</summary>
    /// <returns>The number of positions that it computes.</returns>
    public int AddTo(IBatchDenoiser batch) => _network.AddTo(batch, Rows, _block, Positions);

    /// <summary>Finishes the step with a pass that it shared.</summary>
    /// <param name="logits">Of the pass.</param>
    /// <param name="first">Row of the first of <see cref="Rows"/>; the others follow.</param>
    public void FinishStep(Tensor logits, int first)
    {
        _budget.Spend(PassesOfStep);
        Finish(logits, first);
    }

    /// <inheritdoc/>
    public override DenoisingStep Report() => new(_step, _budget.Passes, _block, _canvas.NoisyCount, _canvas)
    {
        Commits = [.. _commits.OrderBy(commit => commit.Position)],
        Edits = [.. _choice.Edits.OrderBy(edit => edit.Position)],
        Renoised = [.. _renoised],
        Expanded = [.. _expanded],
        ComputedPositions = _network.ComputedPositions,
        CacheDrift = _network.Drift,
        FinalBefore = _policy.Revises && _inBlock && !_isFinal ? _masks[_ofBlock.Start.Value] : _canvas.Length,
        Alternatives = [.. _alternatives.OrderBy(row => row.Position)],
    };

    // No list of a step gets longer than all masks, but that of the rows of a policy that reviews shadows.
    private void Reserve(int masks)
    {
        _noisy.EnsureCapacity(masks);
        _committed.EnsureCapacity(masks);
        _rows.EnsureCapacity(masks);
        _candidates.EnsureCapacity(masks);
        _reviews.EnsureCapacity(masks);
        _commits.EnsureCapacity(masks);
        _renoised.EnsureCapacity(masks);
        _choice.Commits.EnsureCapacity(masks);
    }

    private bool EnterBlock()
    {
        if (_block >= Blocks || _canvas.NoisyCount == 0)
        {
            return false;
        }

        _positions = _ofBlock = _blockStarts[_block].._blockStarts[_block + 1];
        FindNoisy();
        _masksOfBlock = _noisy.Count;
        int steps = _rules.Options.Steps is int all ? TransferQuota.Even(all, Blocks, _block) : _masksOfBlock;
        _context = new StepContext(0, steps, 0);
        _inBlock = true;
        return true;
    }

    private void FindNoisy()
    {
        _noisy.Clear();
        foreach (int position in Positions)
        {
            if (_canvas.StateOf(position) == PositionState.Noisy)
            {
                _noisy.Add(position);
            }
        }
    }

    // A budget that runs short raises the quota of the schedule.
    private int QuotaOf(int stepsLeft)
    {
        int scheduled = _context.IsLast ? _noisy.Count
            : _rules.Options.Transfer == Transfer.Even ? TransferQuota.Even(_masksOfBlock, _context.Steps, _context.Index)
            : TransferQuota.Timestep(_noisy.Count, _context.Steps, _context.Index);
        int needed = stepsLeft == int.MaxValue ? 0 : (int)Math.Ceiling(_canvas.NoisyCount / (double)stepsLeft);
        return Math.Max(scheduled, needed);
    }

    // The final step is the last one of its block, wherever that stands.
    private StepContext ContextOfStep() => _isFinal ? _context with { Index = _context.Steps } : _context;

    // logits: those of the step's rows are at first and behind; null: it wanted none.
    private void Finish(Tensor? logits, int first)
    {
        StepContext context = ContextOfStep();
        _choice.Clear();
        _candidates.Clear();
        _reviews.Clear();
        _alternatives.Clear();
        if (logits is not null)
        {
            bool mayExpand = !_isFinal && (_rules.Options.Steps is null || !context.IsLast);
            StepRows rows = new(logits, first, _rows, _canvas, _rules, _policy, _step, mayExpand);
            reader.Read(rows, _candidates, _reviews, _alternatives);
        }

        if (_choosesAny)
        {
            _policy.Choose(new StepView(context, _canvas, _candidates, _committed, _reviews, _rules.Options.Seed, _step), _choice);
        }

        if (_choosesAny && context.IsLast)
        {
            _choice.Renoised.Clear();
            _choice.Commits.Clear();
            _choice.Commits.AddRange(_candidates);
        }

        Apply();
        Grow();
        _context = _context with { Index = _context.Index + 1, CleanSteps = _context.CleanSteps + (_noisy.Count == 0 ? 1 : 0) };
    }
}
