// Self-speculation: one network, read in two ways. Seeing both sides it drafts several tokens in one pass; read left to right it says in
// one more which of them it would have written itself, and those stay, with the first that it writes otherwise. The text is that of the
// network read left to right, token after token, also when tokens are drawn at random: every token that stays was drawn from the causal
// distribution given tokens that were drawn so, with random numbers of its position alone. Drafts decide how many stay in a step; without
// any, a step is the causal pass alone, which computes one position or two. CausalLayout says what "left to right" is where text stands
// behind the hole; drafts see the canvas as it is.
//
//   p       first noisy position;  w = 7 at first
//   draft   d_p … d_p+w−1  ←  drawn with full attention, all masks on the canvas visible                          (one pass)
//   verify  x_p … x_p+w    ←  drawn from the causal distributions of a canvas that holds the drafts              (one pass)
//   keep    x_p … x_p+n, n the first with x ≠ d, or w
//   w       becomes 2w + 1 if all drafts stay, at most DraftTokens, and is halved if half of them or fewer do: passes that verify have
//           8, 16, 32 … positions, whole tiles of a matrix product
//
// Both draws of a position have the same random numbers, so that like distributions give like tokens. Both passes keep keys and values.
// Those of the causal pass are exact. Those of the draft are stale but for what changed since the last one and the drafted positions, which
// costs drafts, never a token. Under a constraint a token is drawn among those with which the text can still be finished, one after the
// other. Without tokens before it the first position predicts itself from its mask, as in any network with shifted logits: it gets no draft.
// A budget that is used up (MaxPasses, Deadline) writes the rest at once, as drafts; without drafts the text ends there, unless it has to
// become something: by a constraint, a least length, or for want of a token that ends it.
//
// Networks are made for it by training both readings (causal_share). Source: linear self-speculation of NVIDIA Nemotron-Labs-Diffusion
// (arXiv 2607.05722). Deviations: drafts see the masks behind them, as networks that were trained on whole canvases expect; tokens may be
// drawn; no adapter is added for the draft.
using System.Runtime.InteropServices;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>One canvas whose hole is written left to right, with drafts or without.</summary>
/// <param name="network">Drafts.</param>
/// <param name="causal">The same weights, read left to right.</param>
/// <param name="reader">Draws tokens.</param>
/// <param name="time">The clock of deadlines.</param>
internal sealed class DraftedRun(ITwoWayDenoiser network, ICachingDenoiser causal, CandidateReader reader, TimeProvider time) : DenoisingRun
{
    private const int FirstWindow = 7;

    // Of random numbers: the same for all, as the text must not depend on the step that a token is written in.
    private const int StepOfDraws = 1;

    private static readonly Comparison<Candidate> s_leftToRight = (a, b) => a.Position.CompareTo(b.Position);

    private readonly CanvasCache _drafting = new(network);
    private readonly CanvasCache _verifying = new(causal);
    private readonly CausalLayout _layout = new(network.Config);
    private readonly PassBudget _budget = new(time);
    private readonly LowConfidencePolicy _policy = new();

    private readonly List<int> _rows = []; // positions whose logits a pass gives
    private readonly List<int> _row = []; // one of them
    private readonly List<int> _changed = []; // since the last draft, ascending, then the positions of the next one
    private readonly List<Candidate> _candidates = [];
    private readonly List<Review> _reviews = []; // none: all positions are noisy
    private readonly List<Alternatives> _alternatives = [];
    private readonly List<Commit> _commits = [];

    private Canvas _canvas = null!;
    private DrawingRules _rules = null!;
    private int[] _ids = []; // the canvas, with drafts where masks are
    private int _window;
    private int _step;
    private long _computed;
    private bool _isFinal;

    /// <inheritdoc/>
    public override int Passes => _budget.Passes;

    /// <inheritdoc/>
    public override Canvas Canvas => _canvas;

    private ReadOnlySpan<int> Rows => CollectionsMarshal.AsSpan(_rows);

    /// <summary>Whether a canvas is written so with these options.</summary>
    public static bool Takes(IDenoiser network, Canvas canvas, SamplerOptions options) =>
        (options.LeftToRight || options.DraftTokens is not null) && CausalLayout.Takes(canvas, (network as ITwoWayDenoiser)?.Config);

    /// <summary>Checks that the network can be read in two ways.</summary>
    /// <exception cref="CinnabarException">It cannot.</exception>
    public static void Require(IDenoiser network, SamplerOptions options)
    {
        string option = options.DraftTokens is null ? nameof(SamplerOptions.LeftToRight) : nameof(SamplerOptions.DraftTokens);
        if (network is not ITwoWayDenoiser twoWay)
        {
            throw new CinnabarException(
                $"Expected a network that can also be read left to right, for the option {option}, found one that cannot.",
                $"Leave {option} out.");
        }

        twoWay.RequireCausalReading(option);
    }

    /// <summary>Starts with a canvas.</summary>
    public void Begin(Canvas canvas, DrawingRules rules)
    {
        (_canvas, _rules) = (canvas, rules);
        _ids = _ids.Length == canvas.Length ? _ids : new int[canvas.Length];
        _changed.Clear();
        _commits.Clear();
        (_step, _computed, _isFinal) = (0, 0, false);
        int drafts = rules.Options.DraftTokens ?? 0;
        _window = Math.Min(FirstWindow, drafts);
        _budget.Begin(rules.Options, passesOfStep: drafts > 0 ? 2 : 1, passesOfLast: 1);
        _drafting.Begin(canvas.Length, CacheKind.Dual, rules.Options.CacheRefresh);
        _layout.Begin(canvas);
        _verifying.Begin(_layout.Length, CacheKind.None, refresh: null);
    }

    /// <inheritdoc/>
    public override bool Next(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _isFinal = _budget.StepsLeft == 1;
        return _canvas.NoisyCount > 0;
    }

    /// <inheritdoc/>
    public override void FinishStep()
    {
        _step++;
        _commits.Clear();
        ChooseRows(_isFinal ? int.MaxValue : _window + 1);
        _canvas.Ids.CopyTo(_ids);
        int drafts = _rows[0] == 0 ? 0 : _rows.Count - 1;
        if (_isFinal && _rows.Count > 1)
        {
            WriteLast();
        }
        else
        {
            Draft(drafts);
            Verify(drafts);
        }

        _budget.Spend(_isFinal || drafts == 0 ? 1 : 2);
        _canvas.Settle(_step, _commits);
        foreach (Commit commit in _commits)
        {
            _changed.Add(commit.Position);
        }
    }

    /// <inheritdoc/>
    public override DenoisingStep Report() => new(_step, Passes, 0, _canvas.NoisyCount, _canvas)
    {
        Commits = [.. _commits],
        ComputedPositions = _computed,
        FinalBefore = _canvas.Length,
        Alternatives = [.. _alternatives.Where(row => _canvas.StateOf(row.Position) != PositionState.Noisy).OrderBy(row => row.Position)],
    };

    // The first so many noisy positions.
    private void ChooseRows(int most)
    {
        _rows.Clear();
        for (int position = 0; position < _canvas.Length && _rows.Count < most; position++)
        {
            if (_canvas.StateOf(position) == PositionState.Noisy)
            {
                _rows.Add(position);
            }
        }
    }

    private void WriteLast()
    {
        Hole hole = _canvas.Holes[0];
        int? end = _rules.Options.DraftTokens is null && !_canvas.IsConstrained && hole.LeastLength == 0
            ? _canvas.Tokens.EndsOf(hole.Kind).Cast<int?>().FirstOrDefault()
            : null;
        if (end is not int endToken)
        {
            Read(PassOfDraft(), 0, _rows).ForEach(Write);
            return;
        }

        int next = _rows[1];
        Verify(0);
        if (!_canvas.Tokens.Ends(hole.Kind, _commits[0].TokenId))
        {
            Write(new Candidate(next, endToken, 0, 0));
        }
    }

    // Writes drafts into the ids.
    private void Draft(int count)
    {
        if (count == 0)
        {
            return;
        }

        int last = _rows[count];
        _rows.RemoveRange(count, _rows.Count - count);
        foreach (Candidate draft in Read(PassOfDraft(), 0, _rows))
        {
            _ids[draft.Position] = draft.TokenId;
        }

        _rows.Add(last);
    }

    private void Verify(int drafts)
    {
        _rows.RemoveRange(drafts + 1, _rows.Count - drafts - 1);
        (Tensor logits, int computed) = _verifying.Logits(
            _layout.Sequence(_ids), _layout.PositionsOf(_rows), block: 0, blockPositions: default);
        NetworkPasses.CheckShape(logits, _rows.Count, network.VocabularySize);
        _layout.Translate(logits, _rows.Count);
        _computed += computed;
        bool goesOn = true;
        if (_canvas.IsConstrained)
        {
            for (int i = 0; i < _rows.Count && goesOn; i++)
            {
                _row.Clear();
                _row.Add(_rows[i]);
                goesOn = Keep(Read(logits, i, _row)[0]);
            }
        }
        else
        {
            List<Candidate> candidates = Read(logits, 0, _rows);
            for (int i = 0; i < candidates.Count && goesOn; i++)
            {
                goesOn = Keep(candidates[i]);
            }
        }

        int kept = _commits.Count - 1;
        if (drafts > 0)
        {
            int most = _rules.Options.DraftTokens!.Value;
            _window = kept == drafts ? Math.Min(most, (2 * _window) + 1) : 2 * kept <= drafts ? Math.Max(1, _window / 2) : _window;
        }
    }

    // True if the token is as it was drafted, and the text goes on.
    private bool Keep(Candidate chosen)
    {
        bool isAsDrafted = chosen.TokenId == _ids[chosen.Position];
        Write(chosen);
        return isAsDrafted && !_canvas.Tokens.Ends(_canvas.Holes[0].Kind, chosen.TokenId);
    }

    private Tensor PassOfDraft()
    {
        _changed.AddRange(_rows);
        (Tensor logits, int computed) = _drafting.Logits(_canvas.Ids, Rows, block: 0, CollectionsMarshal.AsSpan(_changed));
        NetworkPasses.CheckShape(logits, _rows.Count, network.VocabularySize);
        _changed.Clear();
        _computed += computed;
        return logits;
    }

    // One candidate for each position, left to right; their rows begin at `first`.
    private List<Candidate> Read(Tensor logits, int first, List<int> positions)
    {
        _candidates.Clear();
        _alternatives.Clear();
        StepRows rows = new(logits, first, positions, _canvas, _rules, _policy, StepOfDraws, MayExpand: false);
        reader.Read(rows, _candidates, _reviews, _alternatives);
        _candidates.Sort(s_leftToRight);
        return _candidates;
    }

    private void Write(Candidate chosen)
    {
        Commit commit = new(chosen.Position, chosen.TokenId, (float)chosen.Probability);
        _commits.Add(commit);
        _canvas.Commit(commit, _step);
    }
}
