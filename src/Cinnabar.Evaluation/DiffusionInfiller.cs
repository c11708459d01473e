// A diffusion model on a line hole: the canvas is context, hole, context, and is denoised to the end.
// Length given: the hole has exactly the line's tokens and the end-of-hole token is forbidden. Not given: the length policy decides, with
// at most CanvasLength tokens. Either way what is predicted after a line break does not count.
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
    private readonly LengthPolicy _policy;
    private readonly int _growsFrom;
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
    /// <param name="policy">How the length of such a hole is found.</param>
    /// <param name="growsFrom">Tokens that a growing hole starts with.</param>
    /// <param name="bias">Of the network; for <see cref="LengthPolicy.Probe"/>.</param>
    public DiffusionInfiller(
        string name,
        string description,
        IDenoiser denoiser,
        Tokenizer tokenizer,
        CanvasTokens tokens,
        SamplerOptions options,
        int canvasLength,
        WorkerPool? workers = null,
        LengthPolicy policy = LengthPolicy.Trim,
        int growsFrom = TextWithHoles.DefaultGrowsFrom,
        LengthBias? bias = null)
    {
        Name = name;
        Description = description;
        _sampler = new Sampler(denoiser, workers);
        _tokenizer = tokenizer;
        _lines = new LineTokens(tokenizer);
        _options = options;
        _canvasLength = canvasLength;
        _policy = policy;
        _growsFrom = growsFrom;
        _probe = new LengthProbe(denoiser);
        _bias = policy != LengthPolicy.Probe || bias is not null ? bias : throw new ArgumentNullException(nameof(bias));
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
    /// <remarks>Not left to right: holes of a given length are filled by masks then, too.</remarks>
    public bool TakesLength => !_options.LeftToRight;

    /// <inheritdoc/>
    public InfillPrediction Fill(LineHole hole, bool lengthGiven) =>
        lengthGiven ? Fill(hole, CanvasSegment.Hole(hole.Reference.Length), _endForbidden) : _policy switch
        {
            LengthPolicy.Grow => Fill(hole, CanvasSegment.GrowingHole(Math.Min(_growsFrom, _canvasLength), _canvasLength), _endAllowed),
            LengthPolicy.Probe => FillProbed(hole),
            LengthPolicy.Fixed => Fill(hole, CanvasSegment.Hole(_canvasLength), _endForbidden),
            _ => Fill(hole, CanvasSegment.Hole(_endAllowed.ClosesHoles ? _canvasLength - 1 : _canvasLength), _endAllowed),
        };

    private InfillPrediction Fill(LineHole hole, CanvasSegment middle, CanvasTokens tokens)
    {
        Canvas canvas = LayOut(hole, middle, tokens);
        DecodingWork work = DecodingWork.Run(_sampler, canvas, _options);
        int[] text = canvas.TextOf(0), line = _lines.FirstLine(text);
        bool? endsHole = tokens.PaddingTokenId is null ? null : line.Length == text.Length && text.Length < middle.MostLength;
        return new InfillPrediction(_tokenizer.Decode(line), work, endsHole);
    }

    private InfillPrediction FillProbed(LineHole hole)
    {
        ProbedLengths probed = _probe.Find([hole.Before, hole.After], [(0, _canvasLength)], _bias!);
        InfillPrediction filled = Fill(hole, CanvasSegment.Hole(probed.Lengths[0]), _endForbidden);
        return filled with { Work = filled.Work with { ForwardPasses = filled.Work.ForwardPasses + probed.Passes } };
    }

    private static Canvas LayOut(LineHole hole, CanvasSegment middle, CanvasTokens tokens) =>
        new([CanvasSegment.Text(hole.Before), middle, CanvasSegment.Text(hole.After)], tokens);
}
