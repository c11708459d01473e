// One pass through the network for the steps of several runs, whatever the lengths of their canvases and whether they keep keys and values.
// What a network computes for a sequence does not depend on the sequences beside it, and random numbers are looked up, so each canvas
// becomes what it would become alone. Runs with guidance, shadows, measured drift or from left to right make their own passes.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

internal sealed class SharedPass(IDenoiser denoiser)
{
    // 256 MiB.
    private const long MostLogits = 1 << 26;

    // Longer passes are no faster a position and take more memory.
    private const int MostPositions = 4096;

    private readonly List<MaskedRun> _waiting = [];
    private readonly List<MaskedRun> _runs = [];
    private int _positions;
    private int _rows;

    /// <summary>Begins anew, with no run waiting.</summary>
    public void Clear() => _waiting.Clear();

    /// <summary>Takes a run in whose step can share a pass.</summary>
    /// <param name="run">Between <see cref="DenoisingRun.Next"/> and the end of its step.</param>
    /// <returns>False: it needs passes of its own.</returns>
    public bool Takes(MaskedRun run)
    {
        bool takes = denoiser is IBatchDenoiser && run.SharesPass;
        if (takes)
        {
            _waiting.Add(run);
        }

        return takes;
    }

    /// <summary>Makes the passes of the runs that were taken in and finishes their steps.</summary>
    /// <param name="failed">Receives those that failed: all of a pass, or one alone; null: the failure is thrown.</param>
    public void FinishSteps(ICollection<FailedCanvas>? failed)
    {
        if (denoiser is not IBatchDenoiser batch)
        {
            return;
        }

        Begin(batch);
        foreach (MaskedRun run in _waiting)
        {
            if ((long)(_rows + run.Rows.Length) * denoiser.VocabularySize > MostLogits || _positions >= MostPositions)
            {
                Flush(batch, failed);
            }

            _positions += run.AddTo(batch);
            _rows += run.Rows.Length;
            _runs.Add(run);
        }

        Flush(batch, failed);
    }

    private void Flush(IBatchDenoiser batch, ICollection<FailedCanvas>? failed)
    {
        if (_runs.Count > 0)
        {
            try
            {
                Tensor logits = batch.LogitsOfBatch();
                NetworkPasses.CheckShape(logits, _rows, denoiser.VocabularySize);
                HandOut(logits, failed);
            }
            catch (Exception error) when (failed is not null)
            {
                _runs.ForEach(run => failed.Add(new FailedCanvas(run.Canvas, error)));
            }
        }

        Begin(batch);
    }

    private void HandOut(Tensor logits, ICollection<FailedCanvas>? failed)
    {
        int first = 0;
        foreach (MaskedRun run in _runs)
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

    private void Begin(IBatchDenoiser batch)
    {
        batch.BeginBatch();
        _runs.Clear();
        (_positions, _rows) = (0, 0);
    }
}
