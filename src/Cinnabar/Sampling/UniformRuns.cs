using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Makes runs of a network of uniform noise, which continue texts.</summary>
internal sealed class UniformRuns(IUniformDenoiser network, WorkerPool? workers, int? tokens) : DenoisingRuns
{
    private readonly UniformReader _reader = new(Math.Min(network.VocabularySize, tokens ?? int.MaxValue), workers);

    /// <inheritdoc/>
    public override DenoisingRun Begin(Canvas canvas, SamplerOptions options)
    {
        Check(canvas, options);
        return new UniformRun(
            network, _reader, canvas, options, options.Uniform.Draws ?? new SeededDraws(options.Seed, network.CanvasLength));
    }

    /// <inheritdoc/>
    public override void Check(Canvas canvas, SamplerOptions options)
    {
        options.Validate();
        SamplerOptions used = new()
        {
            MaxNewTokens = options.MaxNewTokens,
            Seed = options.Seed,
            Uniform = options.Uniform,
            MeasureDrift = options.MeasureDrift, // there is no cache that could drift
        };
        options.RequireOnly(
            used,
            "MaxNewTokens, Seed and Uniform",
            network,
            "Leave them out; steps, temperatures and the entropy bound of such networks are in Uniform.");
        if (canvas.Holes is not [{ Kind: HoleKind.Continuation }])
        {
            throw new CinnabarException(
                "Expected a canvas of known text and one continuation for a network whose noise is random tokens, "
                + $"found {canvas.Holes.Count} holes{(canvas.Holes.Count == 1 ? ", an infill hole" : "")}.",
                "Holes with text after them need another model: let this one continue a text.");
        }

        RequireRoom(network, canvas.Length);
        if (canvas.IsSteered || (canvas.NoisyCount > 0 && canvas.NoisyCount < canvas.Holes[0].Length))
        {
            throw new CinnabarException(
                "Expected a canvas without pins, bans and an earlier state for a network whose noise is random tokens, "
                + "found one with some of them.",
                "Leave them out: such networks write every token anew in each step.");
        }

        if (canvas.Holes[0].LeastLength > 0)
        {
            throw new CinnabarException(
                "Expected a canvas whose text may end anywhere for a network whose noise is random tokens, "
                + $"found one of at least {canvas.Holes[0].LeastLength} tokens.",
                "Leave the least length out: such networks are not kept from an early end.");
        }

        network.CheckText(canvas.Ids[..canvas.Holes[0].Start]);
        ConstrainedStep.Check(canvas);
    }
}
