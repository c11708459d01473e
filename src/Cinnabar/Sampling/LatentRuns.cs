using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Sampling;

/// <summary>Makes runs of a network that denoises latents: they fill one hole, wherever it is.</summary>
internal sealed class LatentRuns(LatentTextDenoiser network) : DenoisingRuns
{
    /// <summary>Steps where none are asked for.</summary>
    public const int StandardSteps = 25;

    /// <inheritdoc/>
    public override DenoisingRun Begin(Canvas canvas, SamplerOptions options)
    {
        Check(canvas, options);
        return new LatentRun(network, canvas, options);
    }

    /// <inheritdoc/>
    public override void Check(Canvas canvas, SamplerOptions options)
    {
        options.Validate();
        SamplerOptions known = new()
        {
            MaxNewTokens = options.MaxNewTokens,
            Steps = options.Steps,
            CfgScale = options.CfgScale,
            Seed = options.Seed,
            Latents = options.Latents,
            MeasureDrift = options.MeasureDrift, // there is no cache that could drift
        };
        options.RequireOnly(
            known,
            "MaxNewTokens, Steps, CfgScale, Seed and Latents",
            network,
            "Leave them out: all latents are denoised together, and the likeliest tokens are written.");
        if (!network.CanWrite)
        {
            throw new CinnabarException(
                "Expected a model with a denoiser of latents, found an autoencoder alone.", "Train one: objective \"latent_diffusion\".");
        }

        if (canvas.Holes.Count != 1 || canvas.Grows)
        {
            throw new CinnabarException(
                "Expected a canvas with one hole of a fixed length for a network that denoises latents, "
                + $"found {(canvas.Grows ? "one that grows" : $"{canvas.Holes.Count} holes")}.",
                "Fill the holes one after the other, or use another model.");
        }

        RequireRoom(network, canvas.Length);
        if (canvas.IsSteered || canvas.IsConstrained || (canvas.NoisyCount > 0 && canvas.NoisyCount < canvas.Holes[0].Length))
        {
            throw new CinnabarException(
                "Expected a canvas without constraints, pins, bans and an earlier state for a network that denoises latents, "
                + "found one with some of them.",
                "Leave them out, or use another model: latents stand for several tokens each.");
        }

        DrawingRules.CheckIds(canvas.Ids, network.VocabularySize);
    }
}
