// One pass through the network for the steps of several runs. What a network computes for a sequence does not depend on the sequences
// beside it, and random numbers are looked up, so each canvas becomes what it would become alone. Runs with guidance, a cache or shadows
// make their own passes. Shorter canvases are padded to the longest, so runs go in order of length, and one that is much longer than the
// first of a pass that is large enough already begins another.
using System.Runtime.InteropServices;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

internal sealed class SharedPass(IDenoiser denoiser)
{
    // 256 MiB; further runs get a pass of their own.
    private const long MostLogits = 1 << 26;

    // Passes of this many positions are as fast a position as longer ones.
    private const int EnoughPositions = 256;
    private const int MostPositions = 4096;

    private static readonly Comparison<SamplerRun> s_shortestFirst = (a, b) => a.Canvas.Length.CompareTo(b.Canvas.Length);

    private readonly List<SamplerRun> _waiting = [];
    private readonly List<SamplerRun> _runs = [];
    private readonly List<int> _ids = [];
    private readonly List<int> _lengths = [];
    private readonly List<int> _rows = [];

    /// <summary>Makes the passes of one step of each run and finishes the steps.</summary>
    /// <param name="runs">Each between <see cref="SamplerRun.Next"/> and the end of its step.</param>
    /// <param name="failed">Receives those that failed: all of a pass, or one alone; null: the failure is thrown.</param>
    public void FinishSteps(IEnumerable<SamplerRun> runs, ICollection<FailedCanvas>? failed)
    {
        _waiting.Clear();
        Clear(); // a pass that failed has left its runs
        foreach (SamplerRun run in runs)
        {
            if (denoiser is IBatchDenoiser && run.SharesPass)
            {
                _waiting.Add(run);
                continue;
            }

            try
            {
                run.FinishStep();
            }
            catch (Exception error) when (failed is not null)
            {
                failed.Add(new FailedCanvas(run.Canvas, error));
            }
        }

        if (denoiser is not IBatchDenoiser batching)
        {
            return;
        }

        _waiting.Sort(s_shortestFirst);
        foreach (SamplerRun run in _waiting)
        {
            if (IsFullFor(run))
            {
                Flush(batching, failed);
            }

            Add(run);
        }

        Flush(batching, failed);
    }

    private bool IsFullFor(SamplerRun run)
    {
        int positions = _ids.Count + run.Canvas.Length;
        return (long)(_rows.Count + run.Rows.Length) * denoiser.VocabularySize > MostLogits
            || positions > MostPositions
            || (_ids.Count >= EnoughPositions && run.Canvas.Length > _lengths[0] * 3 / 2);
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

    private void Flush(IBatchDenoiser batching, ICollection<FailedCanvas>? failed)
    {
        if (_runs.Count > 0)
        {
            try
            {
                Tensor logits = batching.LogitsOfBatch(
                    CollectionsMarshal.AsSpan(_ids), CollectionsMarshal.AsSpan(_lengths), CollectionsMarshal.AsSpan(_rows));
                NetworkPasses.CheckShape(logits, _rows.Count, denoiser.VocabularySize);
                HandOut(logits, failed);
            }
            catch (Exception error) when (failed is not null)
            {
                _runs.ForEach(run => failed.Add(new FailedCanvas(run.Canvas, error)));
            }
        }

        Clear();
    }

    private void HandOut(Tensor logits, ICollection<FailedCanvas>? failed)
    {
        int first = 0;
        foreach (SamplerRun run in _runs)
        {
            int rows = run.Rows.Length;
            try
            {
                run.FinishStep(logits, first);
            }
            catch (Exception error) when (failed is not null)
            {
                failed.Add(new FailedCanvas(run.Canvas, error));
            }

            first += rows;
        }
    }

    private void Clear()
    {
        _runs.Clear();
        _ids.Clear();
        _lengths.Clear();
        _rows.Clear();
    }
}
