// Rows of logits → candidates for noisy positions and reviews of committed ones. Rows are spread over threads in any way; random numbers
// are looked up by (seed, step, position, token), so the result does not depend on it.
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Draws the tokens of one step; not thread-safe.</summary>
internal sealed class CandidateReader
{
    private readonly WorkerPool? _workers;
    private readonly TokenDistribution[] _rows;

    public CandidateReader(int vocabularySize, WorkerPool? workers)
    {
        _workers = workers;
        _rows = new TokenDistribution[workers?.Threads ?? 1];
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = new TokenDistribution(vocabularySize);
        }
    }

    /// <summary>Reads the logits of a step.</summary>
    /// <param name="logits">[positions.Length, V].</param>
    /// <param name="canvas">Before the step's changes.</param>
    /// <param name="positions">Noisy positions, and committed ones that are reviewed; reviews keep their order.</param>
    /// <param name="options">How tokens are drawn.</param>
    /// <param name="policy">Gives scores.</param>
    /// <param name="step">Number of the step.</param>
    /// <returns>Candidates, surest first, ties to the lower position; reviews.</returns>
    public (Candidate[] Candidates, Review[] Reviews) Read(
        Tensor logits, Canvas canvas, int[] positions, SamplerOptions options, StepPolicy policy, int step)
    {
        int[] inContinuation = canvas.Tokens.Forbidden(HoleKind.Continuation, options.AllowPadding);
        int[] inInfill = canvas.Tokens.Forbidden(HoleKind.Infill);
        int[] reviewedInContinuation = [.. inContinuation, .. canvas.Tokens.EndsOf(HoleKind.Continuation)];
        int[] reviewedInInfill = [.. inInfill, .. canvas.Tokens.EndsOf(HoleKind.Infill)];
        SamplerOptions mostProbable = options with { Temperature = 0 };
        var candidates = new Candidate?[positions.Length];
        var reviews = new Review?[positions.Length];
        int grain = (positions.Length + _rows.Length - 1) / _rows.Length;

        void Evaluate(int range)
        {
            TokenDistribution row = _rows[range];
            for (int i = range * grain; i < Math.Min(positions.Length, (range + 1) * grain); i++)
            {
                int position = positions[i];
                HoleKind kind = canvas.Holes[canvas.HoleOf(position)].Kind;
                var random = new CounterRandom(options.Seed, step, position);
                if (canvas.StateOf(position) == PositionState.Noisy)
                {
                    int[] forbidden = kind == HoleKind.Infill ? inInfill : inContinuation;
                    row.Load(logits.Row(i), forbidden, options, random, position, policy);
                    double score = policy.Score(row, random);
                    score = EndsTooEarly(canvas, position, row.TokenId) ? double.NegativeInfinity : score;
                    candidates[i] = new Candidate(position, row.TokenId, row.Probability, score);
                }
                else
                {
                    int[] forbidden = kind == HoleKind.Infill ? reviewedInInfill : reviewedInContinuation;
                    row.Load(logits.Row(i), forbidden, mostProbable, random, position);
                    int standing = canvas.Ids[position];
                    reviews[i] = new Review(position, standing, row.ProbabilityOf(standing), row.TokenId, row.Probability);
                }
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

        Candidate[] sorted = [.. candidates.OfType<Candidate>()];
        Array.Sort(sorted, (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Position.CompareTo(b.Position));
        return (sorted, [.. reviews.OfType<Review>()]);
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
}
