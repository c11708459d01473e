// Runs of networks whose noise is the mask token: in an order of positions, or left to right. Runs that have ended, with their
// lists and caches, are kept for the next canvas.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>Makes runs that commit masked positions.</summary>
internal sealed class MaskedRuns(IDenoiser denoiser, WorkerPool? workers, TimeProvider time, ITokenStatistics? statistics) : DenoisingRuns
{
    private readonly CandidateReader _reader = new(denoiser.VocabularySize, workers, statistics);
    private readonly Stack<MaskedRun> _idle = new();
    private readonly Stack<DraftedRun> _idleDrafted = new();
    private readonly SharedPass _shared = new(denoiser);
    private DrawingRules? _rules;

    /// <inheritdoc/>
    public override void Check(Canvas canvas, SamplerOptions options)
    {
        DrawingRules rules = new(canvas.Tokens, options, denoiser.VocabularySize);
        Check(canvas, rules);
        if (DraftedRun.Takes(denoiser, canvas, options))
        {
            return;
        }

        List<int> masks = [];
        CanvasBlocks.FindMasks(canvas, masks);
        CanvasBlocks.Find(masks, options, denoiser, []);
    }

    /// <inheritdoc/>
    public override DenoisingRun Begin(Canvas canvas, SamplerOptions options)
    {
        if (_rules?.Are(canvas.Tokens, options) != true)
        {
            _rules = new DrawingRules(canvas.Tokens, options, denoiser.VocabularySize);
        }

        Check(canvas, _rules);
        if (DraftedRun.Takes(denoiser, canvas, options))
        {
            DraftedRun drafted = _idleDrafted.TryPop(out DraftedRun? idleDrafted) ? idleDrafted : NewDraftedRun();
            drafted.Begin(canvas, _rules);
            return drafted;
        }

        MaskedRun run = _idle.TryPop(out MaskedRun? idle) ? idle : new MaskedRun(denoiser, _reader, time);
        run.Begin(canvas, _rules);
        return run;
    }

    /// <inheritdoc/>
    public override void Return(DenoisingRun run)
    {
        if (run is DraftedRun drafted)
        {
            _idleDrafted.Push(drafted);
        }
        else
        {
            _idle.Push((MaskedRun)run);
        }
    }

    /// <inheritdoc/>
    public override void FinishSteps(IReadOnlyList<DenoisingRun> runs, ICollection<FailedCanvas>? failed)
    {
        _shared.Clear();
        foreach (DenoisingRun run in runs)
        {
            if (run is not MaskedRun masked || !_shared.Takes(masked))
            {
                FinishStep(run, failed);
            }
        }

        _shared.FinishSteps(failed);
    }

    private DraftedRun NewDraftedRun()
    {
        ITwoWayDenoiser network = (ITwoWayDenoiser)denoiser;
        return new DraftedRun(network, network.ReadCausally(), _reader, time);
    }

    private void Check(Canvas canvas, DrawingRules rules)
    {
        if (canvas.Tokens.MaskTokenId != denoiser.MaskTokenId)
        {
            throw new ArgumentException(
                $"The canvas marks noise with token {canvas.Tokens.MaskTokenId}, the network with {denoiser.MaskTokenId}.",
                nameof(canvas));
        }

        RequireRoom(denoiser, canvas.MostLength);
        DrawingRules.CheckIds(canvas.Ids, denoiser.VocabularySize);
        DrawingRules.CheckIds(canvas.Banned, denoiser.VocabularySize);
        bool isCached = NetworkPasses.CachingFor(denoiser, rules.Options) is not null;
        string? hindrance = isCached ? "keys and values that are kept (a cache, or blocks of the network)"
            : rules.Options.BlockSize is not null ? "the option BlockSize"
            : canvas.IsSteered ? "pins or bans"
            : null;
        if (canvas.Grows && hindrance is not null)
        {
            throw new CinnabarException(
                $"Expected nothing that numbers positions beside holes that grow, found {hindrance}.",
                "Leave it out, or give holes all their positions from the start.");
        }

        // A policy of one's own does not look at the option.
        if (DraftedRun.Takes(denoiser, canvas, rules.Options))
        {
            DraftedRun.Require(denoiser, rules.Options);
        }
        else if (rules.Options is { VerifyThreshold: not null, Policy: null })
        {
            NetworkPasses.LeaveOneOutFor(denoiser);
        }

        ConstrainedStep.Check(canvas);
    }
}
