// Rows of logits l of a canvas → for each slot, at temperature T:
//
//   P = softmax(l / T),  best = argmax l (of equal ones the first),  sample ~ P,  H = −Σ P ln P in nats
//
// and which of them a step accepts: in order of H, least first, of equal ones the first slot, all whose predecessors' sum of H is within
// the bound; so always one. The bound limits how far the joint distribution of the accepted tokens can be from the product of their own.
// Sums in float64. Rows are spread over threads in any way; no result depends on it.
// Sources: huggingface/transformers, diffusion_gemma generation; Ben-Hamu et al. 2025, arXiv 2505.24857 (EB-Sampler).
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>What a pass says of one slot.</summary>
/// <param name="Best">The most probable token.</param>
/// <param name="BestConfidence">Its probability at temperature 1.</param>
/// <param name="Sample">A token drawn at the temperature of the step.</param>
/// <param name="SampleConfidence">Its probability at temperature 1.</param>
/// <param name="Entropy">Of the distribution at the temperature of the step, in nats.</param>
internal readonly record struct UniformSlot(int Best, float BestConfidence, int Sample, float SampleConfidence, double Entropy);

/// <summary>Reads the logits of canvases; not thread-safe.</summary>
internal sealed class UniformReader
{
    private readonly WorkerPool? _workers;
    private readonly (float[] Logits, double[] Weights)[] _rows; // one for each thread

    public UniformReader(int vocabularySize, WorkerPool? workers)
    {
        VocabularySize = vocabularySize;
        _workers = workers;
        _rows = new (float[], double[])[workers?.Threads ?? 1];
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = (new float[vocabularySize], new double[vocabularySize]);
        }
    }

    /// <summary>V.</summary>
    public int VocabularySize { get; }

    /// <summary>Threads that share rows; null: the caller's.</summary>
    public WorkerPool? Workers => _workers;

    /// <summary>Reads one row for each slot.</summary>
    /// <param name="logits">[N, V or more], of which the first V are read.</param>
    /// <param name="temperature">Greater than 0.</param>
    /// <param name="draws">Of the samples.</param>
    /// <param name="canvas">Number of the canvas.</param>
    /// <param name="step">Number of the step on it.</param>
    /// <param name="slots">[N], receives what was read.</param>
    /// <exception cref="CinnabarException">A logit is NaN or infinite.</exception>
    public void Read(Tensor logits, double temperature, IUniformDraws draws, int canvas, int step, UniformSlot[] slots)
    {
        int grain = (slots.Length + _rows.Length - 1) / _rows.Length;
        ReadBody body = new(this, logits, 1 / temperature, draws, canvas, step, slots, grain);
        if (_workers is null)
        {
            body.Run(0, slots.Length);
        }
        else
        {
            _workers.For(slots.Length, grain, body);
        }
    }

    /// <summary>Which slots a step accepts.</summary>
    /// <param name="slots">[N], at least one.</param>
    /// <param name="bound">In nats.</param>
    /// <param name="accepted">[N], receives the answer.</param>
    public static void Accept(UniformSlot[] slots, double bound, bool[] accepted)
    {
        int[] order = [.. Enumerable.Range(0, slots.Length).OrderBy(slot => slots[slot].Entropy)]; // keeps the order of equal ones
        Array.Clear(accepted);
        double before = 0;
        foreach (int slot in order)
        {
            if (before > bound)
            {
                break;
            }

            accepted[slot] = true;
            before += slots[slot].Entropy;
        }
    }

    private readonly struct ReadBody(
        UniformReader reader,
        Tensor logits,
        double scale,
        IUniformDraws draws,
        int canvas,
        int step,
        UniformSlot[] slots,
        int grain) : ILoopBody
    {
        public void Run(int from, int to)
        {
            (float[] row, double[] weights) = reader._rows[from / grain];
            for (int slot = from; slot < to; slot++)
            {
                logits.Row(slot)[..row.Length].CopyTo(row);
                slots[slot] = Read(row, weights, slot);
            }
        }

        private UniformSlot Read(float[] row, double[] weights, int slot)
        {
            int best = 0;
            for (int id = 0; id < row.Length; id++)
            {
                if (!float.IsFinite(row[id]))
                {
                    throw new CinnabarException(
                        $"Expected finite logits from the network, found {row[id]} for token {id} at position {slot} of a canvas.",
                        "Check that the checkpoint is complete and matches its configuration.");
                }

                best = row[id] > row[best] ? id : best;
            }

            double maximum = row[best];
            double plain = Exponentials.Sum(row, maximum);
            double sum = Exponentials.Fill(row, maximum, scale, weights);
            double energy = 0; // Σ w·(l − max)/T
            for (int id = 0; id < row.Length; id++)
            {
                energy += weights[id] * ((row[id] - maximum) * scale);
            }

            // −Σ P ln P with P = w/sum and ln w = (l − max)/T; rounding must not make it negative.
            double entropy = Math.Max(0, Math.Log(sum) - (energy / sum));
            int sample = draws.Sample(canvas, step, slot, weights, sum);
            return new UniformSlot(best, (float)(1 / plain), sample, (float)(Math.Exp(row[sample] - maximum) / plain), entropy);
        }
    }
}
