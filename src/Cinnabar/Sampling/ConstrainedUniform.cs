// A step of uniform noise over a hole whose text is constrained. Nothing on such a canvas is permanent, so there is no debt to earlier
// steps: with z = l / T of this step, the finished canvases before as fixed tokens and anything behind,
//
//   best       the most probable text (Viterbi)          what a canvas becomes, and what is compared for stability
//   sample     a text drawn from all slots together      what accepted slots hold
//   H          of the exact marginals m                  what decides which slots are accepted
//
// Noise may violate the constraint freely. The network is conditioned on its own softmax(z), not on m, as in training.
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Reads a step under the constraint of its hole; not thread-safe.</summary>
internal sealed class ConstrainedUniform
{
    private readonly TokenAutomaton _automaton;
    private readonly Canvas _canvas;
    private readonly ulong _seed;
    private readonly WorkerPool? _workers;
    private readonly ConstrainedSlots _slots;
    private readonly ConstrainedPath _best = new();
    private readonly ConstrainedPath _sample = new();
    private readonly float[][] _marginals; // one row for each thread

    /// <summary>Prepares the steps of a canvas.</summary>
    /// <param name="automaton">What the text of its one hole must be.</param>
    /// <param name="canvas">The canvas.</param>
    /// <param name="seed">Start of the random numbers.</param>
    /// <param name="workers">Threads that share rows; null: the caller's.</param>
    public ConstrainedUniform(TokenAutomaton automaton, Canvas canvas, ulong seed, WorkerPool? workers)
    {
        (_automaton, _canvas, _seed, _workers) = (automaton, canvas, seed, workers);
        _slots = new ConstrainedSlots(workers);
        _marginals = [.. Enumerable.Range(0, workers?.Threads ?? 1).Select(_ => new float[automaton.VocabularySize])];
    }

    /// <summary>Replaces what was read of the slots of the active canvas that lie in the hole.</summary>
    /// <param name="logits">[N, V or more].</param>
    /// <param name="temperature">Of the step.</param>
    /// <param name="first">Where the active canvas begins in the hole.</param>
    /// <param name="count">How many of its slots lie in the hole.</param>
    /// <param name="step">Number of the step on the whole text.</param>
    /// <param name="slots">Receives the answer.</param>
    /// <exception cref="CinnabarException">No text is possible, or a logit is NaN or +∞.</exception>
    public void Read(Tensor logits, double temperature, int first, int count, int step, UniformSlot[] slots)
    {
        Hole hole = _canvas.Holes[0];
        _slots.Begin(_automaton, hole.Length);
        for (int i = 0; i < first; i++)
        {
            _slots.Fix(i, _canvas.Ids[hole.Start + i]);
        }

        for (int i = 0; i < count; i++)
        {
            _slots.Distribute(first + i, logits, row: i, (float)(1 / temperature));
        }

        InfeasibleHole.ThrowIf(_slots.Solve(), _canvas, hole: 0);
        _slots.ComputeMarginals();
        _slots.MostProbable(_best);
        _slots.Sample(_seed, step, hole.Start, _sample);
        int grain = (count + _marginals.Length - 1) / _marginals.Length;
        ReadBody body = new(this, first, slots, grain);
        if (_workers is null)
        {
            body.Run(0, count);
        }
        else
        {
            _workers.For(count, grain, body);
        }
    }

    private UniformSlot Read(int slot, float[] logMarginals)
    {
        _slots.WriteLogMarginals(slot, logMarginals);
        double entropy = 0;
        foreach (float log in logMarginals)
        {
            entropy -= float.IsNegativeInfinity(log) ? 0 : Math.Exp(log) * log;
        }

        (int best, int sample) = (_best.Tokens[slot], _sample.Tokens[slot]);
        return new UniformSlot(
            best, MathF.Exp(logMarginals[best]), sample, MathF.Exp(logMarginals[sample]), Math.Max(0, entropy));
    }

    private readonly struct ReadBody(ConstrainedUniform step, int first, UniformSlot[] slots, int grain) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                slots[i] = step.Read(first + i, step._marginals[from / grain]);
            }
        }
    }
}
