// A diffusion model on a line hole: the canvas is context, hole, context, and is denoised to the end.
// Length given: the hole has exactly the line's tokens and the end-of-hole token is forbidden. Not given: the hole has CanvasLength tokens,
// and the model ends the line itself with end-of-hole tokens; or it has fewer and grows up to CanvasLength; or it has exactly as many as a
// probe finds it wants. Either way what is predicted after a line break does not count.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>Fills line holes with a diffusion model. Not thread-safe.</summary>
public sealed class DiffusionInfiller : IInfiller
{
    private readonly Sampler _sampler;
    private readonly Tokenizer _tokenizer;
    private readonly LineTokens _lines;
    private readonly SamplerOptions _options;
    private readonly CanvasTokens _endAllowed;
    private readonly CanvasTokens _endForbidden;
    private readonly int _canvasLength;
    private readonly int? _growsFrom;
    private readonly LengthProbe _probe;
    private readonly LengthBias? _bias;

    /// <summary>Wraps a network.</summary>
    /// <param name="name">Short name, for tables.</param>
    /// <param name="description">What it is, in one sentence.</param>
    /// <param name="denoiser">The network.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="tokens">Its special ids, with the expand token if holes grow.</param>
    /// <param name="options">How it is sampled.</param>
    /// <param name="canvasLength">Tokens of the hole when the length is not given.</param>
    /// <param name="workers">Threads that share the rows of a step; null: the caller alone.</param>
    /// <param name="growsFrom">Tokens that such a hole starts with; null: all.</param>
    /// <param name="bias">For finding the length of such a hole before it is filled; null: it is not asked for.</param>
    public DiffusionInfiller(
        string name,
        string description,
        IDenoiser denoiser,
        Tokenizer tokenizer,
        CanvasTokens tokens,
        SamplerOptions options,
        int canvasLength,
        WorkerPool? workers = null,
        int? growsFrom = null,
        LengthBias? bias = null)
    {
        Name = name;
        Description = description;
        _sampler = new Sampler(denoiser, workers);
        _tokenizer = tokenizer;
        _lines = new LineTokens(tokenizer);
        _options = options;
        _canvasLength = canvasLength;
        _growsFrom = growsFrom;
        _probe = new LengthProbe(denoiser);
        _bias = bias;
        _endAllowed = tokens;
        _endForbidden = tokens.PaddingTokenId is int padding
            ? tokens with { PaddingTokenId = null, NeverEmitted = [.. tokens.NeverEmitted, padding] }
            : tokens;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public InfillPrediction Fill(LineHole hole, bool lengthGiven)
    {
        (int length, int probes) = (hole.Reference.Length, 0);
        if (!lengthGiven && _bias is not null)
        {
            (length, probes) = _probe.Find(hole.Before, hole.After, _canvasLength, _bias);
        }

        bool isExact = lengthGiven || _bias is not null;
        CanvasSegment middle = isExact ? CanvasSegment.Hole(length)
            : _growsFrom is int first ? CanvasSegment.GrowingHole(Math.Min(first, _canvasLength), _canvasLength)
            : CanvasSegment.Hole(_canvasLength);
        Canvas canvas = new(
            [CanvasSegment.Text(hole.Before), middle, CanvasSegment.Text(hole.After)],
            isExact ? _endForbidden : _endAllowed);
        DecodingWork work = DecodingWork.Run(_sampler, canvas, _options);
        work = work with { ForwardPasses = work.ForwardPasses + probes };
        return new InfillPrediction(_tokenizer.Decode(_lines.FirstLine(canvas.TextOf(0))), work);
    }
}
