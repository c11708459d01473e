// A step over holes whose text is constrained. For each of them, all slots from its first to its last:
//
//   known and committed tokens are fixed; noisy positions of this step have their row of logits, those of later blocks are open
//   m_i(v)   exact marginals at temperature 1, which take the place of the network's probabilities: scores, confidences, filters
//   text     at temperature 0 the one whose every token is the likeliest behind those before it, else one drawn from all rows at 1/T; ids
//            that a filter leaves out of m_i are pushed so far down that they are drawn only where the constraint leaves no other
//
// The candidate of a position is its token in that one text, so whatever subset a policy commits, the rest can still be filled. Editing
// keeps this: a committed token may be replaced by tokens that lead the automaton from the state before it to the state behind it.
// Masking again only makes more texts possible. The most probable text of all would mostly be the shortest: one token more costs it a
// factor that is spread over many words, where an end token has no rival. See Constraints/ConstrainedSlots.cs, docs/constraints.md.
using System.Buffers;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Replaces the rows of constrained holes by rows of marginals, and draws their texts; not thread-safe.</summary>
internal sealed class ConstrainedStep
{
    // Beside this no difference of logits matters.
    private const float PushedDown = 10_000;

    private readonly WorkerPool? _workers;
    private readonly ConstrainedSlots _slots;
    private readonly ConstrainedSlots _drawing; // the rows at 1/T
    private readonly ConstrainedPath _path = new();
    private readonly (TokenDistribution Distribution, float[] Row)[] _filters; // one for each thread
    // Below it the most probable text is taken, which is what such a temperature draws: logits times its inverse are too large for sums.
    private const double ColdestDrawn = 1e-4;

    private readonly int _vocabularySize;
    private int[] _tokens = []; // of the drawn texts, by position
    private int[] _rowOf = []; // by position; −1: the step has none

    public ConstrainedStep(int vocabularySize, WorkerPool? workers)
    {
        (_vocabularySize, _workers) = (vocabularySize, workers);
        (_slots, _drawing) = (new ConstrainedSlots(workers), new ConstrainedSlots(workers));
        _filters = new (TokenDistribution, float[])[workers?.Threads ?? 1];
    }

    /// <summary>The token of a position in the text that was drawn.</summary>
    public int TokenAt(int position) => _tokens[position];

    /// <summary>Throws unless a text of each constrained hole is possible.</summary>
    /// <exception cref="CinnabarException">There is none: why, and where.</exception>
    public static void Check(Canvas canvas)
    {
        for (int hole = 0; hole < canvas.Holes.Count && canvas.IsConstrained; hole++)
        {
            if (canvas.AutomatonOf(hole) is TokenAutomaton automaton)
            {
                ConstrainedSlots slots = new(workers: null);
                Lay(slots, automaton, canvas, hole, rows: null, rowOf: [], scale: 1);
                InfeasibleHole.ThrowIf(slots.Solve(), canvas, hole);
            }
        }
    }

    /// <summary>Prepares a step; does nothing without constraints.</summary>
    /// <exception cref="CinnabarException">No text is possible any more, or a logit is NaN or +∞.</exception>
    public void Solve(in StepRows rows)
    {
        Canvas canvas = rows.Canvas;
        if (!canvas.IsConstrained)
        {
            return;
        }

        if (_tokens.Length < canvas.Length)
        {
            (_tokens, _rowOf) = (new int[canvas.Length], new int[canvas.Length]);
        }

        Array.Fill(_rowOf, -1);
        for (int i = 0; i < rows.Positions.Count; i++)
        {
            _rowOf[rows.Positions[i]] = rows.First + i;
        }

        for (int hole = 0; hole < canvas.Holes.Count; hole++)
        {
            (int start, int end) = (canvas.Holes[hole].Start, canvas.Holes[hole].End);
            if (canvas.AutomatonOf(hole) is TokenAutomaton automaton && _rowOf.AsSpan(start..end).ContainsAnyExcept(-1))
            {
                Solve(rows, hole, automaton);
            }
        }
    }

    private void Solve(in StepRows rows, int hole, TokenAutomaton automaton)
    {
        SamplerOptions options = rows.Rules.Options;
        ForRows(rows, hole, Stage.Forbid);
        if (rows.Policy.ComparesTokens)
        {
            SolveAtOne(rows, hole, automaton);
            ForRows(rows, hole, Stage.Restrict);
        }

        ForRows(rows, hole, Stage.Adjust);
        SolveAtOne(rows, hole, automaton);
        bool takesBest = options.Temperature < ColdestDrawn;
        bool filters = !takesBest && (options.TopP < 1 || options.TopK < _vocabularySize);
        if (filters)
        {
            ForRows(rows, hole, Stage.Filter);
        }

        if (takesBest)
        {
            _slots.Likeliest(_path);
        }
        else
        {
            ConstrainedSlots drawn = _slots;
            if (filters || options.Temperature != 1)
            {
                drawn = _drawing;
                Lay(drawn, automaton, rows.Canvas, hole, rows.Logits, _rowOf, (float)(1 / options.Temperature));
                InfeasibleHole.ThrowIf(drawn.Solve(), rows.Canvas, hole);
            }

            drawn.Sample(options.Seed, rows.Step, rows.Canvas.Holes[hole].Start, _path);
        }

        _path.Tokens.CopyTo(_tokens.AsSpan(rows.Canvas.Holes[hole].Start));
        ForRows(rows, hole, Stage.Write);
    }

    private void SolveAtOne(in StepRows rows, int hole, TokenAutomaton automaton)
    {
        Lay(_slots, automaton, rows.Canvas, hole, rows.Logits, _rowOf, scale: 1);
        InfeasibleHole.ThrowIf(_slots.Solve(), rows.Canvas, hole);
        _slots.ComputeMarginals();
    }

    // What is known of each slot.
    private static void Lay(
        ConstrainedSlots slots, TokenAutomaton automaton, Canvas canvas, int hole, Tensor? rows, int[] rowOf, float scale)
    {
        Hole place = canvas.Holes[hole];
        slots.Begin(automaton, place.Length);
        for (int i = 0; i < place.Length; i++)
        {
            int position = place.Start + i;
            if (canvas.StateOf(position) != PositionState.Noisy)
            {
                slots.Fix(i, canvas.Ids[position]);
            }
            else if (rows is not null && rowOf[position] >= 0)
            {
                slots.Distribute(i, rows, rowOf[position], scale);
            }
            else if (canvas.BannedAt(position).Length > 0 || canvas.NotFirstAt(position).Length > 0 || canvas.MustGoOnAt(position))
            {
                Tensor open = Tensor.Zeros(1, automaton.VocabularySize);
                new ForbiddenHere(canvas, position, mayExpand: false).TakeFrom(open.Row(0));
                slots.Open(i, open);
            }
        }
    }

    private void ForRows(in StepRows rows, int hole, Stage stage)
    {
        int length = rows.Canvas.Holes[hole].Length;
        int grain = (length + _filters.Length - 1) / _filters.Length;
        RowBody body = new(this, rows, hole, stage, grain);
        if (_workers is null)
        {
            body.Run(0, length);
        }
        else
        {
            _workers.For(length, grain, body);
        }
    }

    // Takes out what no text that the constraint allows has here.
    private void Restrict(int slot, Span<float> logits)
    {
        float[] marginals = ArrayPool<float>.Shared.Rent(logits.Length);
        _slots.WriteLogMarginals(slot, marginals.AsSpan(0, logits.Length));
        for (int id = 0; id < logits.Length; id++)
        {
            logits[id] = float.IsNegativeInfinity(marginals[id]) ? float.NegativeInfinity : logits[id];
        }

        ArrayPool<float>.Shared.Return(marginals);
    }

    private void Filter(in StepRows rows, int slot, int position, Span<float> logits, int thread)
    {
        ref (TokenDistribution Distribution, float[] Row) filter = ref _filters[thread];
        filter.Distribution ??= new TokenDistribution(_vocabularySize);
        filter.Row ??= new float[_vocabularySize];
        _slots.WriteLogMarginals(slot, filter.Row);
        filter.Distribution.LoadDrawn(filter.Row, tokenId: 0, rows.Rules.Options, position);
        ReadOnlySpan<int> kept = filter.Distribution.Kept();
        foreach (int id in kept)
        {
            filter.Row[id] = logits[id];
        }

        for (int id = 0; id < logits.Length; id++)
        {
            logits[id] -= PushedDown;
        }

        foreach (int id in kept)
        {
            logits[id] = filter.Row[id];
        }
    }

    private void Write(in StepRows rows, int slot, int position, Span<float> logits, TokenAutomaton automaton)
    {
        if (rows.Canvas.StateOf(position) == PositionState.Noisy)
        {
            _slots.WriteLogMarginals(slot, logits);
            return;
        }

        (int before, int behind) = (_path.States[slot], _path.States[slot + 1]);
        float[] standing = ArrayPool<float>.Shared.Rent(logits.Length);
        logits.CopyTo(standing);
        logits.Fill(float.NegativeInfinity);
        int edge = automaton.Successors(before).BinarySearch(behind);
        foreach (int k in automaton.ClassesOf(automaton.Labels(before)[edge]))
        {
            foreach (int id in automaton.TokensOf(k))
            {
                logits[id] = standing[id];
            }
        }

        ArrayPool<float>.Shared.Return(standing);
    }

    private enum Stage
    {
        Forbid, // what a person forbids; ids that are never written have no edges
        Restrict,
        Adjust,
        Filter,
        Write,
    }

    private readonly struct RowBody(ConstrainedStep step, StepRows rows, int hole, Stage stage, int grain) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int start = rows.Canvas.Holes[hole].Start;
            for (int slot = from; slot < to; slot++)
            {
                int position = start + slot;
                if (step._rowOf[position] < 0)
                {
                    continue;
                }

                Span<float> logits = rows.Logits.Row(step._rowOf[position]);
                bool isNoisy = rows.Canvas.StateOf(position) == PositionState.Noisy;
                switch (stage)
                {
                    case Stage.Forbid:
                        new ForbiddenHere(rows.Canvas, position, mayExpand: false).TakeFrom(logits);
                        break;
                    case Stage.Restrict when isNoisy:
                        step.Restrict(slot, logits);
                        break;
                    case Stage.Adjust when isNoisy:
                        rows.Policy.Adjust(position, logits);
                        break;
                    case Stage.Filter when isNoisy:
                        step.Filter(rows, slot, position, logits, from / grain);
                        break;
                    case Stage.Write:
                        step.Write(rows, slot, position, logits, rows.Canvas.AutomatonOf(hole)!);
                        break;
                }
            }
        }
    }
}
