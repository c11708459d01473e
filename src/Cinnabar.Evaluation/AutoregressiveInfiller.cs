// An autoregressive model on a line hole: it reads what stands around the hole in the layout it was trained with
// (Diffusion/FillInTheMiddle.cs) and writes the line left to right, the most probable token each time, until end of text or a line
// break. The loop is the Sampler's with blocks of one position: a token a pass.
// Length given: it writes as many tokens as the line has and may not end it before, as for DiffusionInfiller. Not given: at most
// CanvasLength tokens. Either way a line break ends the line.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>Fills line holes with an autoregressive model. Not thread-safe.</summary>
public sealed class AutoregressiveInfiller : IInfiller
{
    private static readonly SamplerOptions s_greedy = new() { BlockSize = 1 };

    private readonly IDenoiser _denoiser;
    private readonly Sampler _sampler;
    private readonly FillInTheMiddle _layout;
    private readonly Tokenizer _tokenizer;
    private readonly CanvasTokens _endAllowed;
    private readonly CanvasTokens _endForbidden;
    private readonly int _canvasLength;

    /// <summary>Wraps a network.</summary>
    /// <param name="name">Short name, for tables.</param>
    /// <param name="denoiser">The network, whose logits of a position depend on earlier positions only.</param>
    /// <param name="layout">How it was shown holes.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="tokens">Its special ids.</param>
    /// <param name="canvasLength">Most tokens of the line when the length is not given.</param>
    /// <param name="workers">Threads of the sampler; null: the caller alone.</param>
    public AutoregressiveInfiller(
        string name,
        IDenoiser denoiser,
        FillInTheMiddle layout,
        Tokenizer tokenizer,
        CanvasTokens tokens,
        int canvasLength,
        WorkerPool? workers = null)
    {
        Name = name;
        _denoiser = denoiser;
        _sampler = new Sampler(denoiser, workers);
        _layout = layout;
        _tokenizer = tokenizer;
        _canvasLength = canvasLength;
        int[] breaks = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(new LineTokens(tokenizer).Breaks)];
        _endAllowed = tokens with { AlsoEndText = [.. tokens.AlsoEndText, .. breaks] };
        _endForbidden = tokens.EosTokenId is int eos
            ? _endAllowed with { EosTokenId = null, NeverEmitted = [.. tokens.NeverEmitted, eos] }
            : _endAllowed;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Description =>
        "the model, left to right, temperature 0, one token per pass, having read the text before and the text after the hole (fill in the "
        + $"middle); if the length is not given, it writes at most {_canvasLength} tokens and ends the line itself.";

    /// <inheritdoc/>
    public InfillPrediction Fill(LineHole hole, bool lengthGiven)
    {
        (int length, CanvasTokens tokens) = lengthGiven ? (hole.Reference.Length, _endForbidden) : (_canvasLength, _endAllowed);
        Canvas canvas = _layout.CanvasFor(hole.Before, hole.After, CanvasSegment.Continuation(length), tokens, _denoiser.MaxLength);
        DecodingWork work = DecodingWork.Run(_sampler, canvas, s_greedy);
        return new InfillPrediction(_tokenizer.Decode(canvas.TextOf(0)), work);
    }
}
