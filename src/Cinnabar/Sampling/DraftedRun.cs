// Self-speculation: one network, read in two ways. Seeing both sides it drafts several tokens in one pass; read left to right it says in
// one more which of them it would have written itself, and those stay, with the first that it writes otherwise. The text is exactly that of
// the network read left to right, token after token, also when tokens are drawn at random: every token that stays was drawn from the causal
// distribution, given tokens that were drawn so. Drafts decide only how many stay in a step.
//
//   p       first noisy position;  w = 8 at first
//   draft   d_p … d_p+w−1  ←  most probable tokens, full attention, all masks on the canvas visible              (one pass)
//   verify  x_p … x_p+w    ←  drawn from the causal distributions of a canvas that holds the drafts              (one pass)
//   keep    x_p … x_p+n, n the first with x ≠ d, or w;  w doubles if all drafts stay, up to DraftTokens, and is halved if half or less do
//
// Both passes keep keys and values. Those of the causal pass are exact. Those of the draft are stale but for what changed since the last
// one and the drafted positions, which costs drafts, never a token. Without tokens before it the first position predicts itself from its
// mask, as in any network with shifted logits: it gets no draft. Networks are made for it by training both readings (causal_share).
//
// Source: linear self-speculation of NVIDIA Nemotron-Labs-Diffusion (arXiv 2607.05722). Deviations: drafts see the masks behind them, as
// networks that were trained on whole canvases expect; tokens may be drawn; no adapter is added for the draft.
using System.Runtime.InteropServices;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>One canvas that is continued with drafts.</summary>
/// <param name="network">Drafts.</param>
/// <param name="causal">The same weights, read left to right.</param>
/// <param name="reader">Draws tokens.</param>
/// <param name="time">The clock of deadlines.</param>
internal sealed class DraftedRun(ITwoWayDenoiser network, ICachingDenoiser causal, CandidateReader reader, TimeProvider time) : DenoisingRun
{
    private const int FirstWindow = 8;

    private readonly CanvasCache _drafting = new(network);
    private readonly CanvasCache _verifying = new(causal);
    private readonly PassBudget _budget = new(time);
    private readonly LowConfidencePolicy _policy = new();

    private readonly List<int> _noisy = []; // all, ascending
    private readonly List<int> _rows = [];
    private readonly List<int> _changed = []; // since the last draft, ascending, then the positions of the next one
    private readonly List<Candidate> _candidates = [];
    private readonly List<Review> _reviews = [];
    private readonly List<Alternatives> _alternatives = [];
    private readonly List<Commit> _commits = [];

    private Canvas _canvas = null!;
    private DrawingRules _rules = null!;
    private DrawingRules _draftRules = null!;
    private int[] _ids = []; // the canvas, with drafts where masks are
    private int _next; // of _noisy
    private int _window;
    private int _step;
    private long _computed;
    private bool _isFinal;

    /// <inheritdoc/>
    public override int Passes => _budget.Passes;

    /// <inheritdoc/>
    public override Canvas Canvas => _canvas;

    /// <summary>Whether a canvas is continued, which is what reading left to right can verify: no hole has text behind it.</summary>
    public static bool Takes(Canvas canvas) => canvas.Holes.All(hole => hole.Kind == HoleKind.Continuation);

    /// <summary>The network as one that can be read in two ways.</summary>
    /// <exception cref="CinnabarException">It cannot.</exception>
    public static ITwoWayDenoiser TwoWay(IDenoiser network) => network as ITwoWayDenoiser ?? throw new CinnabarException(
        "Expected a network that can also be read left to right, for the option DraftTokens, found one that cannot.",
        "Leave DraftTokens out.");

    /// <summary>Starts with a canvas.</summary>
    public void Begin(Canvas canvas, DrawingRules rules)
    {
        if (_rules != rules)
        {
            SamplerOptions greedy = rules.Options with { Temperature = 0, TopP = null, TopK = null, Alternatives = 0 };
            (_rules, _draftRules) = (rules, new DrawingRules(canvas.Tokens, greedy, network.VocabularySize));
        }

        _canvas = canvas;
        CanvasBlocks.FindMasks(canvas, _noisy);
        _ids = canvas.Ids.ToArray();
        _changed.Clear();
        (_next, _step, _computed, _isFinal) = (0, 0, 0, false);
        _window = Math.Min(FirstWindow, rules.Options.DraftTokens!.Value);
        _budget.Begin(rules.Options);
        _drafting.Begin(canvas.Length, CacheKind.Dual, rules.Options.CacheRefresh);
        _verifying.Begin(canvas.Length, CacheKind.None, refresh: null);
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
        if (_isFinal)
        {
            CommitAll();
            _budget.Spend(1);
        }
        else
        {
            int drafts = _noisy[_next] == 0 ? 0 : Math.Min(_window, _noisy.Count - _next - 1);
            Draft(drafts);
            Verify(drafts);
            _budget.Spend(drafts == 0 ? 1 : 2);
        }

        int kept = _commits.Count;
        _canvas.Settle(_step, _commits);
        foreach (Commit commit in _commits)
        {
            _ids[commit.Position] = commit.TokenId;
            _changed.Add(commit.Position);
        }

        _next += kept;
    }

    /// <inheritdoc/>
    public override DenoisingStep Report() => new(_step, Passes, 0, _canvas.NoisyCount, _canvas)
    {
        Commits = [.. _commits],
        ComputedPositions = _computed,
        FinalBefore = _canvas.Length,
        Alternatives = [.. _alternatives.OrderBy(row => row.Position)],
    };

    // Writes drafts into the ids.
    private void Draft(int count)
    {
        if (count == 0)
        {
            return;
        }

        ChooseRows(count);
        _changed.AddRange(_rows);
        (Tensor logits, int computed) = _drafting.Logits(_canvas.Ids, Rows, block: 0, CollectionsMarshal.AsSpan(_changed));
        _changed.Clear();
        Read(logits, computed, _draftRules);
        foreach (Candidate draft in _candidates)
        {
            _ids[draft.Position] = draft.TokenId;
        }
    }

    private void Verify(int drafts)
    {
        ChooseRows(drafts + 1);
        (Tensor logits, int computed) = _verifying.Logits(_ids, Rows, block: 0, blockPositions: default);
        Read(logits, computed, _rules);
        _candidates.Sort((a, b) => a.Position.CompareTo(b.Position));
        foreach (Candidate candidate in _candidates)
        {
            bool isAsDrafted = candidate.TokenId == _ids[candidate.Position];
            Commit(candidate);
            if (!isAsDrafted || _canvas.Tokens.Ends(HoleKind.Continuation, candidate.TokenId))
            {
                break;
            }
        }

        if (drafts > 0)
        {
            int kept = _commits.Count - 1;
            int most = _rules.Options.DraftTokens!.Value;
            _window = kept == drafts ? Math.Min(most, 2 * _window) : 2 * kept <= drafts ? Math.Max(1, _window / 2) : _window;
        }

        for (int i = _commits.Count; i < drafts; i++)
        {
            _ids[_noisy[_next + i]] = network.MaskTokenId;
        }
    }

    // When the budget allows one pass more.
    private void CommitAll()
    {
        ChooseRows(_noisy.Count - _next);
        _changed.AddRange(_rows);
        (Tensor logits, int computed) = _drafting.Logits(_canvas.Ids, Rows, block: 0, CollectionsMarshal.AsSpan(_changed));
        Read(logits, computed, _rules);
        _candidates.Sort((a, b) => a.Position.CompareTo(b.Position));
        _candidates.ForEach(Commit);
    }

    private ReadOnlySpan<int> Rows => CollectionsMarshal.AsSpan(_rows);

    private void ChooseRows(int count)
    {
        _rows.Clear();
        _rows.AddRange(CollectionsMarshal.AsSpan(_noisy).Slice(_next, count));
    }

    private void Read(Tensor logits, int computed, DrawingRules rules)
    {
        NetworkPasses.CheckShape(logits, _rows.Count, network.VocabularySize);
        _computed += computed;
        _candidates.Clear();
        _alternatives.Clear();
        reader.Read(
            new StepRows(logits, 0, _rows, _canvas, rules, _policy, _step, MayExpand: false), _candidates, _reviews, _alternatives);
    }

    private void Commit(Candidate chosen)
    {
        Commit commit = new(chosen.Position, chosen.TokenId, (float)chosen.Probability);
        _commits.Add(commit);
        _canvas.Commit(commit, _step);
    }
}
