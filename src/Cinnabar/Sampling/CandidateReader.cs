// Rows of logits → candidates for noisy positions and reviews of committed ones. Rows are spread over threads in any way; random numbers
// are looked up by (seed, step, position, token), so the result does not depend on it. On a device other than the processor the rows stay
// there where a step needs only a few numbers of each (StepReadings).
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>The rows of logits that belong to one step of one canvas.</summary>
/// <param name="Logits">[rows, V].</param>
/// <param name="First">The row of the first position; those of the others follow.</param>
/// <param name="Positions">Noisy positions, and committed ones that are reviewed.</param>
/// <param name="Canvas">Before the step's changes.</param>
/// <param name="Rules">How tokens are drawn.</param>
/// <param name="Policy">Gives scores.</param>
/// <param name="Step">Number of the step.</param>
/// <param name="MayExpand">Whether holes that grow may do so in this step.</param>
internal readonly record struct StepRows(
    Tensor Logits, int First, List<int> Positions, Canvas Canvas, DrawingRules Rules, StepPolicy Policy, int Step, bool MayExpand);

/// <summary>Draws the tokens of one step; not thread-safe.</summary>
internal sealed class CandidateReader
{
    private static readonly Comparison<Candidate> s_surestFirst =
        (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Position.CompareTo(b.Position);

    private readonly WorkerPool? _workers;
    private readonly TokenDistribution[] _distributions; // one for each thread
    private readonly ConstrainedStep _constrained;
    private readonly StepReadings? _readings;

    // Of each row the one or the other.
    private Candidate[] _candidates = [];
    private Review[] _reviews = [];
    private Alternatives?[] _alternatives = [];

    public CandidateReader(int vocabularySize, WorkerPool? workers, ITokenStatistics? statistics = null)
    {
        _workers = workers;
        _readings = statistics is null ? null : new StepReadings(statistics, vocabularySize);
        _distributions = new TokenDistribution[workers?.Threads ?? 1];
        _constrained = new ConstrainedStep(vocabularySize, workers);
        for (int i = 0; i < _distributions.Length; i++)
        {
            _distributions[i] = new TokenDistribution(vocabularySize);
        }
    }

    /// <summary>Reads the logits of a step.</summary>
    /// <param name="rows">At least one.</param>
    /// <param name="candidates">Receives the candidates, surest first, ties to the lower position.</param>
    /// <param name="reviews">Receives the reviews, in the order of the rows.</param>
    /// <param name="alternatives">Receives the most probable tokens of noisy positions, if the options ask for them.</param>
    public void Read(in StepRows rows, List<Candidate> candidates, List<Review> reviews, List<Alternatives> alternatives)
    {
        int count = rows.Positions.Count;
        if (_candidates.Length < count)
        {
            _candidates = new Candidate[count];
            _reviews = new Review[count];
            _alternatives = new Alternatives?[count];
        }

        if (_readings?.Suffice(rows) == true)
        {
            TakeReadings(rows, _readings.Of(rows));
        }
        else
        {
            ReadRows(rows);
        }

        for (int i = 0; i < count; i++)
        {
            if (rows.Canvas.StateOf(rows.Positions[i]) == PositionState.Noisy)
            {
                candidates.Add(_candidates[i]);
                if (rows.Rules.Options.Alternatives > 0)
                {
                    alternatives.Add(_alternatives[i]!);
                }
            }
            else
            {
                reviews.Add(_reviews[i]);
            }
        }

        candidates.Sort(s_surestFirst);
    }

    private void TakeReadings(in StepRows rows, ReadOnlySpan<TokenReading> readings)
    {
        TokenDistribution distribution = _distributions[0];
        for (int i = 0; i < readings.Length; i++)
        {
            int position = rows.Positions[i];
            distribution.Load(readings[i], position);
            if (rows.Canvas.StateOf(position) == PositionState.Noisy)
            {
                NoteCandidate(rows, i, distribution);
            }
            else
            {
                NoteReview(rows, i, distribution, readings[i].AskedProbability);
            }
        }
    }

    private void ReadRows(in StepRows rows)
    {
        _constrained.Solve(rows);
        int count = rows.Positions.Count;
        int grain = (count + _distributions.Length - 1) / _distributions.Length;
        ReadBody body = new(this, rows, grain);
        if (_workers is null)
        {
            body.Run(0, count);
        }
        else
        {
            _workers.For(count, grain, body);
        }
    }

    private void Read(in StepRows rows, int i, TokenDistribution distribution)
    {
        (Canvas canvas, DrawingRules rules, int position) = (rows.Canvas, rows.Rules, rows.Positions[i]);
        HoleKind kind = canvas.Holes[canvas.HoleOf(position)].Kind;
        var random = new CounterRandom(rules.Options.Seed, rows.Step, position);
        Span<float> logits = rows.Logits.Row(rows.First + i);
        bool isConstrained = canvas.AutomatonOf(canvas.HoleOf(position)) is not null;
        bool isNoisy = canvas.StateOf(position) == PositionState.Noisy;
        if (!isConstrained)
        {
            new ForbiddenHere(canvas, position, rows.MayExpand && isNoisy).TakeFrom(logits);
        }

        if (isNoisy)
        {
            if (isConstrained)
            {
                distribution.LoadDrawn(logits, _constrained.TokenAt(position), rules.Options, position);
            }
            else
            {
                distribution.Load(logits, rules.Forbidden(kind), rules.Options, random, position, rows.Policy);
            }

            NoteCandidate(rows, i, distribution);
            if (rules.Options.Alternatives is int count and > 0)
            {
                _alternatives[i] = new Alternatives(position, distribution.Top(count));
            }
        }
        else
        {
            distribution.Load(logits, rules.ForbiddenInReview(kind), rules.MostProbable, random, position);
            NoteReview(rows, i, distribution, distribution.ProbabilityOf(canvas.Ids[position]));
        }
    }

    private void NoteCandidate(in StepRows rows, int i, TokenDistribution distribution)
    {
        int position = rows.Positions[i];
        double score = rows.Policy.Score(distribution, new CounterRandom(rows.Rules.Options.Seed, rows.Step, position));
        score = EndsTooEarly(rows.Canvas, position, distribution.TokenId) ? double.NegativeInfinity : score;
        _candidates[i] = new Candidate(position, distribution.TokenId, distribution.Probability, score);
    }

    private void NoteReview(in StepRows rows, int i, TokenDistribution distribution, double standing)
    {
        int position = rows.Positions[i];
        _reviews[i] = new Review(
            position, rows.Canvas.Ids[position], standing, distribution.TokenId, distribution.Probability);
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

    // Range after range of rows, each with a workspace of its own.
    private readonly struct ReadBody(CandidateReader reader, StepRows rows, int grain) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                reader.Read(rows, i, reader._distributions[from / grain]);
            }
        }
    }
}
