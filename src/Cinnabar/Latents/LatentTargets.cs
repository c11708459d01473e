// What a network of latents may be asked for. With z = α x + σ ε:
//
//   v = α ε − σ x        x = α z − σ v        ε = σ z + α v
//
// v (Salimans & Ho 2022) is the target that neither end of the schedule makes trivial or impossible: it is ε where all is noise, −x where
// none is.
using Cinnabar.Diffusion;

namespace Cinnabar.Latents;

/// <summary>v-prediction.</summary>
public static class LatentTargets
{
    /// <summary>v of a clean latent and its noise.</summary>
    /// <param name="schedule">The law of noise.</param>
    /// <param name="t">The time.</param>
    /// <param name="clean">x.</param>
    /// <param name="noise">ε, as many.</param>
    /// <param name="velocity">Receives v, as many.</param>
    public static void Velocity(
        GaussianSchedule schedule, double t, ReadOnlySpan<float> clean, ReadOnlySpan<float> noise, Span<float> velocity)
    {
        (float signal, float deviation) = ((float)schedule.Signal(t), (float)schedule.Noise(t));
        for (int i = 0; i < velocity.Length; i++)
        {
            velocity[i] = (signal * noise[i]) - (deviation * clean[i]);
        }
    }

    /// <summary>x̂ of a noisy latent and a guess of v.</summary>
    /// <param name="schedule">The law of noise.</param>
    /// <param name="t">The time.</param>
    /// <param name="noisy">z.</param>
    /// <param name="velocity">v̂, as many.</param>
    /// <param name="clean">Receives x̂, as many; may be the same span as v̂.</param>
    public static void Clean(
        GaussianSchedule schedule, double t, ReadOnlySpan<float> noisy, ReadOnlySpan<float> velocity, Span<float> clean)
    {
        (float signal, float deviation) = ((float)schedule.Signal(t), (float)schedule.Noise(t));
        for (int i = 0; i < clean.Length; i++)
        {
            clean[i] = (signal * noisy[i]) - (deviation * velocity[i]);
        }
    }
}
