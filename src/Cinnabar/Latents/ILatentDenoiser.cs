namespace Cinnabar.Latents;

/// <summary>Guesses clean latents from noisy ones.</summary>
public interface ILatentDenoiser
{
    /// <summary>The expected clean latents x̂ = E[x | z_t].</summary>
    /// <param name="noisy">z_t, all latents of a batch.</param>
    /// <param name="t">The time, 0 … 1.</param>
    /// <param name="before">x̂ of the step before (self-conditioning, Chen et al. 2022); zeros in the first one.</param>
    /// <param name="clean">Receives x̂, as many; another span than the others.</param>
    void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean);
}

/// <summary>Classifier-free guidance: x̂ = u + w (c − u), c with a condition and u without (Ho &amp; Salimans 2022).</summary>
/// <param name="conditioned">Guesses c.</param>
/// <param name="free">Guesses u.</param>
/// <param name="weight">w: 1 is the condition alone, more leans on it.</param>
/// <param name="known">Which latents the condition gives: they are c, whatever u is; empty: none.</param>
/// <param name="size">d: numbers of a latent.</param>
public sealed class GuidedLatentDenoiser(
    ILatentDenoiser conditioned, ILatentDenoiser free, double weight, ReadOnlyMemory<bool> known = default, int size = 1)
    : ILatentDenoiser
{
    private float[] _free = [];

    /// <inheritdoc/>
    public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean)
    {
        _free = _free.Length == clean.Length ? _free : new float[clean.Length];
        conditioned.Denoise(noisy, t, before, clean);
        free.Denoise(noisy, t, before, _free);
        for (int i = 0; i < clean.Length; i++)
        {
            bool isGiven = !known.IsEmpty && known.Span[i / size];
            clean[i] = isGiven ? clean[i] : _free[i] + ((float)weight * (clean[i] - _free[i]));
        }
    }
}
