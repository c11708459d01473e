// One pass through the network for the steps of several runs, whatever the lengths of their canvases and whether they keep keys and values.
// What a network computes for a sequence does not depend on the sequences beside it, and random numbers are looked up, so each canvas
// becomes what it would become alone. Runs with guidance, shadows or measured drift make their own passes.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

internal sealed class SharedPass(IDenoiser denoiser, TimeProvider time)
{
    // 256 MiB.
    private const long MostLogits = 1 << 26;

    // Longer passes are no faster a position and take more memory.
    private const int MostPositions = 4096;

    private readonly List<SamplerRun> _runs = [];
    private int _positions;
    private int _rows;

    /// <summary>Makes the passes of one step of each run and finishes the steps.</summary>
    /// <param name="runs">Each between <see cref="SamplerRun.Next"/> and the end of its step.</param>
    public void FinishSteps(List<SamplerRun> runs)
    {
        foreach (SamplerRun run in runs)
        {
            if (denoiser is not IBatchDenoiser batch || !run.SharesPass)
            {
                run.FinishStep();
                continue;
            }

            if ((long)(_rows + run.Rows.Length) * denoiser.VocabularySize > MostLogits || _positions >= MostPositions)
            {
                Flush(batch);
            }

            _positions += run.AddTo(batch);
            _rows += run.Rows.Length;
            _runs.Add(run);
        }

        if (denoiser is IBatchDenoiser last)
        {
            Flush(last);
        }
    }

    private void Flush(IBatchDenoiser batch)
    {
        if (_runs.Count > 0)
        {
            long begin = time.GetTimestamp();
            Tensor logits = batch.LogitsOfBatch();
            NetworkPasses.CheckShape(logits, _rows, denoiser.VocabularySize);
            int first = 0;
            foreach (SamplerRun run in _runs)
            {
                int rows = run.Rows.Length;
                run.FinishStep(logits, first, begin);
                first += rows;
            }
        }

        _runs.Clear();
        (_positions, _rows) = (0, 0);
    }
}
