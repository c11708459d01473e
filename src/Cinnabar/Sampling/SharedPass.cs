// One pass through the network for the steps of several runs. What a network computes for a sequence does not depend on the sequences
// beside it, and random numbers are looked up, so each canvas becomes what it would become alone. Runs with guidance, a cache or shadows
// make their own passes. Shorter canvases are padded to the longest, so it pays to share a pass among canvases of similar lengths.
using System.Runtime.InteropServices;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

internal sealed class SharedPass(IDenoiser denoiser, TimeProvider time)
{
    // 256 MiB; further runs get a pass of their own.
    private const long MostLogits = 1 << 26;

    private readonly List<SamplerRun> _runs = [];
    private readonly List<int> _ids = [];
    private readonly List<int> _lengths = [];
    private readonly List<int> _rows = [];

    /// <summary>Makes the passes of one step of each run and finishes the steps.</summary>
    /// <param name="runs">Each between <see cref="SamplerRun.Next"/> and the end of its step.</param>
    public void FinishSteps(IEnumerable<SamplerRun> runs)
    {
        foreach (SamplerRun run in runs)
        {
            if (denoiser is not IBatchDenoiser batching || !run.SharesPass)
            {
                run.FinishStep();
                continue;
            }

            if ((long)(_rows.Count + run.Rows.Length) * denoiser.VocabularySize > MostLogits)
            {
                Flush(batching);
            }

            Add(run);
        }

        if (denoiser is IBatchDenoiser last)
        {
            Flush(last);
        }
    }

    private void Add(SamplerRun run)
    {
        foreach (int row in run.Rows)
        {
            _rows.Add(_ids.Count + row);
        }

        _runs.Add(run);
        _ids.AddRange(run.Canvas.Ids);
        _lengths.Add(run.Canvas.Length);
    }

    private void Flush(IBatchDenoiser batching)
    {
        if (_runs.Count > 0)
        {
            long begin = time.GetTimestamp();
            Tensor logits = batching.LogitsOfBatch(
                CollectionsMarshal.AsSpan(_ids), CollectionsMarshal.AsSpan(_lengths), CollectionsMarshal.AsSpan(_rows));
            NetworkPasses.CheckShape(logits, _rows.Count, denoiser.VocabularySize);
            int first = 0;
            foreach (SamplerRun run in _runs)
            {
                int rows = run.Rows.Length;
                run.FinishStep(logits, first, begin);
                first += rows;
            }
        }

        _runs.Clear();
        _ids.Clear();
        _lengths.Clear();
        _rows.Clear();
    }
}
