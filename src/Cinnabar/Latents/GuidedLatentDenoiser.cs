// Classifier-free guidance: x̂ = u + w (c − u), c with a condition and u without (Ho & Salimans 2022).
//
// The free network must not learn the condition in another way. The noisy latents of what the condition leaves open are one for both
// networks, but there are two more ways:
//
//   latents that the condition gives    x̂ of them is u: so the steps move their noise to what the free network takes them for, as if it
//                                       wrote them, too; the other network is told what they are
//   x̂ of the step before                the free network is given its own u, not the guided x̂, of which c is a part
namespace Cinnabar.Latents;

/// <summary>Leans away from what a network guesses without a condition; for one path of steps after the other. Not thread-safe.</summary>
/// <param name="conditioned">Guesses c; knows by itself what the condition gives.</param>
/// <param name="free">Guesses u.</param>
/// <param name="weight">w: 1 is the condition alone, more leans on it.</param>
/// <param name="known">Which latents the condition gives: what comes out there is u; empty: none.</param>
/// <param name="size">d: numbers of a latent.</param>
public sealed class GuidedLatentDenoiser(
    ILatentDenoiser conditioned, ILatentDenoiser free, double weight, ReadOnlyMemory<bool> known = default, int size = 1)
    : ILatentDenoiser
{
    private float[] _free = [];
    private float[] _freeBefore = []; // u of the step before

    /// <inheritdoc/>
    public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean)
    {
        if (_free.Length != clean.Length)
        {
            (_free, _freeBefore) = (new float[clean.Length], new float[clean.Length]);
        }

        bool isFirst = !before.ContainsAnyExcept(0f);
        if (isFirst)
        {
            _freeBefore.AsSpan().Clear();
        }

        conditioned.Denoise(noisy, t, before, clean);
        free.Denoise(noisy, t, _freeBefore, _free);
        for (int i = 0; i < clean.Length; i++)
        {
            bool isGiven = !known.IsEmpty && known.Span[i / size];
            clean[i] = isGiven ? _free[i] : _free[i] + ((float)weight * (clean[i] - _free[i]));
        }

        (_free, _freeBefore) = (_freeBefore, _free);
    }
}
