using Cinnabar.Checkpoints;

namespace Cinnabar.Training.Networks;

/// <summary>
/// Operations of latent models for each token: six for each weight of a pass and its gradient, for each of its rows. Not counted: the
/// second encoding of what is known, decoding for the token loss, and the discriminator.
/// </summary>
internal static class LatentFlops
{
    private const double PassAndGradient = 6;
    private const double Pass = 2;

    /// <summary>Of training the autoencoder.</summary>
    public static double OfAutoencoder(ModelConfig config) => PassAndGradient * WeightsPerToken(config, blocks: 0..config.NumHiddenLayers);

    /// <summary>Of training the denoiser behind a finished encoder, with as many extra passes as self-conditioning takes.</summary>
    /// <param name="config">With a denoiser.</param>
    /// <param name="extraPasses">Share of batches whose network runs once more without a gradient.</param>
    public static double OfDenoiser(ModelConfig config, double extraPasses)
    {
        LatentDenoiserShape denoiser = config.Latents!.Denoiser!;
        NetworkWeight[] weights = [.. LatentWeights.OfDenoiser(config)];
        int last = denoiser.Layers.Count - 1;
        int[] levels =
        [
            .. Enumerable.Range(0, last).SelectMany(level => Enumerable.Repeat(level, denoiser.Layers[level])),
            .. Enumerable.Repeat(last, denoiser.Layers[last]),
            .. Enumerable.Range(0, last).Reverse().SelectMany(level => Enumerable.Repeat(level, denoiser.Layers[level])),
        ];
        double perLatent = weights.Where(w => w.Part != "time" && w.Shape.Length > 1).Sum(w =>
            w.Block is int block ? Count(w) / Math.Pow(2, levels[block]) : w.Part is "in" or "before" or "out" ? Count(w) : Count(w) / 2.0);
        double encoder = Pass * WeightsPerToken(config, blocks: 0..(config.NumHiddenLayers / 2));
        return encoder + ((PassAndGradient + (Pass * extraPasses)) * perLatent / config.Latents.Downsampling);
    }

    // Blocks on tokens and the head count once for each token, those on latents once for each latent.
    private static double WeightsPerToken(ModelConfig config, Range blocks)
    {
        LatentShape latents = config.Latents!;
        int half = config.NumHiddenLayers / 2;
        (int start, int length) = blocks.GetOffsetAndLength(config.NumHiddenLayers);
        double sum = 0;
        foreach (NetworkWeight weight in LatentWeights.OfAutoencoder(config).Where(weight => weight.Shape.Length > 1))
        {
            bool onTokens = weight.Block is int block
                ? block < latents.TokenLayers || (block >= half && (latents.HasCausalDecoder
                    || block >= config.NumHiddenLayers - latents.TokenLayers))
                : weight.Part is "head" || (weight.Part == "wte" && config.WeightTying && length == config.NumHiddenLayers);
            bool counts = weight.Block is int b
                ? b >= start && b < start + length
                : weight.Part != "codebook" && (weight.Part != "wte" || onTokens);
            sum += counts ? Count(weight) / (double)(onTokens ? 1 : latents.Downsampling) : 0;
        }

        return sum;
    }

    private static long Count(NetworkWeight weight) => weight.Shape.Aggregate(1L, (product, size) => product * size);
}
