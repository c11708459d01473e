// A canvas on its way from noise to text. Each kind of noise has its own loop: MaskedRun, UniformRun, LatentRun. A step comes in two
// halves, so that those that can may share a pass through the network (SharedPass).
using Cinnabar.Diffusion;
using Cinnabar.Models;

namespace Cinnabar.Sampling;

/// <summary>One canvas on its way from noise to text.</summary>
internal abstract class DenoisingRun
{
    /// <summary>The canvas.</summary>
    public abstract Canvas Canvas { get; }

    /// <summary>Passes through the network so far.</summary>
    public abstract int Passes { get; }

    /// <summary>
    /// Whether somebody looks at the canvas between steps: where nobody does, it may stay as it is until the last one.
    /// </summary>
    public bool IsWatched { get; set; } = true;

    /// <summary>Takes a step.</summary>
    /// <returns>False: there was none left to take.</returns>
    public bool Step(CancellationToken cancellation)
    {
        if (!Next(cancellation))
        {
            return false;
        }

        FinishStep();
        return true;
    }

    /// <summary>Goes on to the next step.</summary>
    /// <returns>False: there is none.</returns>
    public abstract bool Next(CancellationToken cancellation);

    /// <summary>Takes the step with passes of its own.</summary>
    public abstract void FinishStep();

    /// <summary>What the last step did.</summary>
    public abstract DenoisingStep Report();
}

/// <summary>Where the runs of one kind of noise come from.</summary>
internal abstract class DenoisingRuns
{
    /// <summary>Checks that options, canvas and network fit together. Thread-safe.</summary>
    /// <exception cref="CinnabarException">They do not.</exception>
    public abstract void Check(Canvas canvas, SamplerOptions options);

    /// <summary>Checks that everything fits together and starts a run.</summary>
    /// <exception cref="CinnabarException">It does not.</exception>
    public abstract DenoisingRun Begin(Canvas canvas, SamplerOptions options);

    /// <summary>Takes back a run that has ended, or will not be continued.</summary>
    public virtual void Return(DenoisingRun run)
    {
    }

    /// <summary>Finishes one step of each run.</summary>
    /// <param name="runs">Each between <see cref="DenoisingRun.Next"/> and the end of its step.</param>
    /// <param name="failed">Receives those that failed; null: the failure is thrown.</param>
    public virtual void FinishSteps(IReadOnlyList<DenoisingRun> runs, ICollection<FailedCanvas>? failed)
    {
        foreach (DenoisingRun run in runs)
        {
            FinishStep(run, failed);
        }
    }

    /// <summary>Throws if a canvas is longer than a network takes.</summary>
    protected static void RequireRoom(IDenoiser network, int length)
    {
        if (length > network.MaxLength)
        {
            string limit = network is CollageDenoiser
                ? $"the logits of more, {network.VocabularySize} a token, do not fit into 2 GiB of memory"
                : "the network's limit";
            throw new CinnabarException(
                $"Expected a canvas of at most {network.MaxLength} tokens ({limit}), found {length}.",
                "Shorten the prompt, or ask for fewer new tokens.");
        }
    }

    /// <summary>Finishes the step of one run with passes of its own.</summary>
    protected static void FinishStep(DenoisingRun run, ICollection<FailedCanvas>? failed)
    {
        try
        {
            run.FinishStep();
        }
        catch (Exception error) when (failed is not null)
        {
            failed.Add(new FailedCanvas(run.Canvas, error));
        }
    }
}

/// <summary>A canvas whose step failed.</summary>
/// <param name="Canvas">As the failure left it.</param>
/// <param name="Error">The reason.</param>
public readonly record struct FailedCanvas(Canvas Canvas, Exception Error);
