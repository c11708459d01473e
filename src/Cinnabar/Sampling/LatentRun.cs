// The loop of Gaussian noise: all latents of a hole are denoised together.
//
//   x_known = encode(known text, padding in the hole);  z = noise                                                      LatentLayout
//   for step = 1 … Steps:  x̂ = network(z, t, x_known);  z moves towards x̂                                              LatentSteps
//                          the canvas shows what x̂ spells, if somebody looks and the decoder spells all tokens at once
//   the canvas becomes what the last x̂ spells; the hole's text ends at its first end token
//
// x̂ is a mean, so where the network is not sure it is shorter than any latent of a text. Codes that lie nearer to 0 than others would win
// by that alone; before it is spelled x̂ is brought to the size of the encoder's latents, which leaves its direction to decide.
//
// A guess is committed in the first step and edited in later ones: every token may change until the last.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Sampling;

/// <summary>One canvas on its way from noisy latents to text.</summary>
internal sealed class LatentRun : DenoisingRun
{
    private readonly LatentTextDenoiser _network;
    private readonly Canvas _canvas;
    private readonly Hole _hole;
    private readonly LatentOptions _options;
    private readonly LatentLayout _layout;
    private readonly float[] _clean;
    private readonly bool[] _known;
    private readonly LatentSteps _steps;
    private readonly SpelledTokens _words;
    private readonly float[] _confidence;
    private readonly int _passesOfStep;
    private readonly StepWrites _writes;

    /// <summary>Starts with a canvas.</summary>
    /// <param name="network">The network.</param>
    /// <param name="canvas">With one hole.</param>
    /// <param name="options">Valid.</param>
    public LatentRun(LatentTextDenoiser network, Canvas canvas, SamplerOptions options)
    {
        (_network, _canvas, _options, _hole) = (network, canvas, options.Latents, canvas.Holes[0]);
        LatentShape shape = network.Shape;
        _layout = network.LayoutOf(canvas);
        _clean = network.Encode(_layout.Ids);
        canvas.Ids.Slice(_hole.Start - _layout.Lead, _layout.Lead).CopyTo(_layout.Ids.AsSpan(_layout.Start)); // for a causal decoder
        _known = new bool[_layout.Ids.Length / shape.Downsampling];
        Array.Fill(_known, true);
        _known.AsSpan(_layout.Start / shape.Downsampling, _layout.Room / shape.Downsampling).Clear();
        _passesOfStep = options.CfgScale > 0 ? 2 : 1;
        _steps = new LatentSteps(
            network.Knowing(_known, _clean, options.CfgScale + 1),
            shape.Denoiser!.Schedule,
            options.Latents.Method,
            options.Steps ?? LatentRuns.StandardSteps,
            _clean.Length,
            new DeterministicRandom(options.Seed));

        _words = new SpelledTokens(network.VocabularySize, canvas.Tokens, _hole);
        _confidence = new float[_hole.Length];
        _writes = new StepWrites(canvas, renews: true);
    }

    /// <inheritdoc/>
    public override Canvas Canvas => _canvas;

    /// <inheritdoc/>
    public override int Passes => _passesOfStep * _steps.Taken;

    /// <inheritdoc/>
    public override bool Next(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return !_steps.IsFinished && (_steps.Taken > 0 || _canvas.NoisyCount > 0);
    }

    /// <inheritdoc/>
    public override void FinishStep()
    {
        _writes.Clear();
        _steps.Take();
        foreach (float value in _steps.Guess)
        {
            if (!float.IsFinite(value))
            {
                throw new CinnabarException(
                    $"Expected finite latents from the network, found {value} in step {_steps.Taken}.",
                    "Check that the model is complete and was not damaged.");
            }
        }

        if (_steps.IsFinished || (IsWatched && !_network.Shape.HasCausalDecoder))
        {
            Show();
        }
    }

    /// <inheritdoc/>
    public override DenoisingStep Report() => new(_steps.Taken, Passes, 0, _canvas.NoisyCount, _canvas)
    {
        Commits = [.. _writes.Commits],
        Edits = [.. _writes.Edits],
        ComputedPositions = (long)Passes * _layout.Ids.Length,
        FinalBefore = _steps.IsFinished ? _canvas.Length : _hole.Start,
    };

    private void Show()
    {
        float[] latents = _steps.Guess.ToArray();
        _network.Rescale(latents);
        for (int i = 0; i < latents.Length; i++)
        {
            latents[i] = _known[i / _network.Shape.Size] ? _clean[i] : latents[i];
        }

        int first = _layout.Start + _layout.Lead;
        Range written = first..(first + _hole.Length);
        _network.Spell(latents, _layout.Ids, written, _options.Raw, _words, _confidence);
        ReadOnlySpan<int> ids = _layout.Ids.AsSpan(written);
        int length = _words.EndOf(ids);
        for (int i = 0; i < ids.Length; i++)
        {
            bool hasEnded = length >= 0 && i >= length;
            int id = hasEnded ? _words.End!.Value : ids[i];
            _writes.Write(new Commit(_hole.Start + i, id, _confidence[hasEnded ? length : i]), _steps.Taken);
        }
    }
}
