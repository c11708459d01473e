using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Cinnabar.Sampling;

namespace Cinnabar.Serving;

/// <summary>Which steps of a text somebody wants to see.</summary>
public enum StepDetail
{
    /// <summary>None: only the result counts.</summary>
    None,

    /// <summary>The newest; who reads slowly misses those in between.</summary>
    Newest,

    /// <summary>All, as far as a megabyte holds those that were not read yet; then the oldest are dropped.</summary>
    All,
}

/// <summary>A text that an engine works on. Thread-safe; its steps have one reader.</summary>
public sealed class DenoisingJob
{
    private const int MostBytes = 1 << 20;
    private const int MostSteps = 4096;
    private const int BytesAPosition = 32;
    private const int BytesAnAlternative = 16;

    private readonly TaskCompletionSource<GenerationResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<DenoisingStep>? _steps;
    private volatile bool _isCancelled;

    /// <summary>Whether somebody reads its steps.</summary>
    internal bool IsWatched => _steps is not null;

    internal DenoisingJob(TextCanvas text, SamplerOptions options, StepDetail detail, long submitted)
    {
        (Text, Options, Submitted) = (text, options, submitted);
        if (detail != StepDetail.None)
        {
            int bytes = text.Canvas.Length * (BytesAPosition + (options.Alternatives * BytesAnAlternative));
            int most = Math.Clamp(MostBytes / Math.Max(bytes, 1), 1, MostSteps);
            _steps = Channel.CreateBounded<DenoisingStep>(new BoundedChannelOptions(detail == StepDetail.Newest ? 1 : most)
            {
                FullMode = BoundedChannelFullMode.DropOldest,
                SingleWriter = true,
            });
        }
    }

    /// <summary>How it is sampled.</summary>
    public SamplerOptions Options { get; }

    /// <summary>
    /// The finished text; cancelled with the job, or failed with what the network or an option was refused for.
    /// </summary>
    public Task<GenerationResult> Completion => _completion.Task;

    internal TextCanvas Text { get; }

    internal long Submitted { get; }

    internal long Started { get; set; }

    internal DenoisingStep? Last { get; private set; }

    internal float? Drift { get; private set; }

    internal bool IsCancelled => _isCancelled;

    /// <summary>
    /// The steps as they are taken, each with a canvas of its own that nobody changes any more; ends when the job ends, and then throws
    /// what <see cref="Completion"/> throws.
    /// </summary>
    /// <param name="cancellation">Stops reading; the job goes on.</param>
    public async IAsyncEnumerable<DenoisingStep> StepsAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        if (_steps is not null)
        {
            await foreach (DenoisingStep step in _steps.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return step;
            }
        }

        await Completion.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Gives the text up: the engine drops it before its next step.</summary>
    public void Cancel() => _isCancelled = true;

    internal void Take(DenoisingStep step)
    {
        Last = step;
        Drift = step.CacheDrift is float drift ? Math.Max(Drift ?? 0, drift) : Drift;
        _steps?.Writer.TryWrite(step with { Canvas = step.Canvas.Copy() });
    }

    internal void Finish(GenerationResult result)
    {
        _completion.TrySetResult(result);
        _steps?.Writer.TryComplete();
    }

    internal void Fail(Exception error)
    {
        _completion.TrySetException(error);
        _steps?.Writer.TryComplete();
    }

    internal void FinishCancelled()
    {
        _isCancelled = true;
        _completion.TrySetCanceled();
        _steps?.Writer.TryComplete();
    }
}
