// Texts longer than the context, all of them denoised at once (Models/CollageDenoiser.cs).
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar;

public sealed partial class DiffusionModel
{
    /// <summary>Writes exactly as many tokens as are asked for, which may be many times the context.</summary>
    /// <param name="text">How it begins, how long it is and what it is to hold.</param>
    /// <param name="overlap">Tokens that two neighbouring segments of the context's length share; null: an eighth of the context.</param>
    /// <param name="options">
    /// How to sample; null: <see cref="DefaultOptions"/>. Steps is by default a quarter of the context (context / 4), whatever the length
    /// of the text.
    /// </param>
    /// <param name="onStep">Called after every step, on the calling thread.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <returns>The whole text; its holes are the rooms between what was known.</returns>
    /// <exception cref="CinnabarException">
    /// The model does not see both sides of a mask, the overlap or an option is out of range, or there is no memory for so many logits.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult WriteLong(
        LongText text,
        int? overlap = null,
        SamplerOptions? options = null,
        Action<DenoisingStep>? onStep = null,
        CancellationToken cancellation = default)
    {
        Denoiser.RequireMask("long texts made of segments");
        int segment = Config.MaxSequenceLength;
        options ??= DefaultOptions;
        options = options with
        {
            MaxNewTokens = text.Tokens,
            Steps = options.Steps ?? Math.Max(1, segment / 4),
            LeftToRight = false,
            DraftTokens = null, // segments are written all at once
        };
        options.Validate();
        Canvas canvas = text.Layout(this);
        bool moves = options.BlockSize is null && !text.SegmentsStay; // blocks of segments stay where they are
        CollageDenoiser collage = new(Denoiser, segment, overlap ?? CollageDenoiser.DefaultOverlap(segment), moves);
        return Run(canvas, options, onStep, cancellation, Result, SamplerOf(collage));

        GenerationResult Result() => new()
        {
            Text = text.Of(this, canvas),
            Holes =
            [
                .. canvas.Holes.Select(
                    (hole, i) => new FilledHole(i, text.Written(this, canvas, i, canvas.TextOf(i)), canvas.TextOf(i), hole.Length)),
            ],
            TokenIds = canvas.Text(),
        };
    }

    /// <summary>The special ids for a canvas of a long text: nothing ends it, neither end of text nor padding is written.</summary>
    public CanvasTokens TokensForLongText() => new(_tokens.MaskTokenId, null, null)
    {
        NeverEmitted = [.. _tokens.NeverEmitted, .. _tokens.AlsoEndText, Config.EosTokenId, Config.PadTokenId],
    };
}
