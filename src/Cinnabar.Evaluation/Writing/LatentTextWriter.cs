using Cinnabar.Latents;

namespace Cinnabar.Evaluation.Writing;

/// <summary>Writes texts through latents, to be measured. A text ends where the model ends it, or after T tokens.</summary>
/// <param name="model">With a denoiser.</param>
/// <param name="tokens">T, at least 1.</param>
/// <param name="options">How; text n uses a seed of its own.</param>
public sealed class LatentTextWriter(LatentTextModel model, int tokens, LatentOptions options)
{
    /// <summary>Writes text <paramref name="index"/> from nothing.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="CinnabarException">The model cannot write, or not so many tokens.</exception>
    public WrittenText Write(int index)
    {
        LatentResult result = model.Write("", "", tokens, options with { Seed = options.Seed + (ulong)index });
        return new WrittenText([.. result.Ids], result.Text, [], result.Passes, result.Seconds);
    }
}
