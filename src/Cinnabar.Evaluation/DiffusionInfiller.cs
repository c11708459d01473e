// A diffusion model on a line hole: the canvas is context, hole, context, and is denoised to the end.
// Length given: the hole has exactly the line's tokens and the end-of-hole token is forbidden. Not given: the hole has CanvasLength tokens,
// and the model ends the line itself with end-of-hole tokens; or it has fewer and grows up to CanvasLength. Either way what is predicted
// after a line break does not count.
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
    public DiffusionInfiller(
        string name,
        string description,
        IDenoiser denoiser,
        Tokenizer tokenizer,
        CanvasTokens tokens,
        SamplerOptions options,
        int canvasLength,
        WorkerPool? workers = null,
        int? growsFrom = null)
    {
        Name = name;
        Description = description;
        _sampler = new Sampler(denoiser, workers);
        _tokenizer = tokenizer;
        _lines = new LineTokens(tokenizer);
        _options = options;
        _canvasLength = canvasLength;
        _growsFrom = growsFrom;
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
        CanvasSegment middle = lengthGiven ? CanvasSegment.Hole(hole.Reference.Length)
            : _growsFrom is int first ? CanvasSegment.GrowingHole(Math.Min(first, _canvasLength), _canvasLength)
            : CanvasSegment.Hole(_canvasLength);
        Canvas canvas = new(
            [CanvasSegment.Text(hole.Before), middle, CanvasSegment.Text(hole.After)],
            lengthGiven ? _endForbidden : _endAllowed);
        DecodingWork work = DecodingWork.Run(_sampler, canvas, _options);
        return new InfillPrediction(_tokenizer.Decode(_lines.FirstLine(canvas.TextOf(0))), work);
    }
}
