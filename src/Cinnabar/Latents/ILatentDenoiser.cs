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
