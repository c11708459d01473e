// Random numbers that are looked up, not drawn: u = hash(seed, step, position, index).
//
// A sampler needs one number per (step, position, token). Looking it up makes the result independent of the order of evaluation:
// rows may be handled by any thread, in any order, or left out, and every other number stays the same.
using Cinnabar.Numerics;

namespace Cinnabar.Diffusion;

/// <summary>The random numbers of one position in one step.</summary>
public readonly struct CounterRandom
{
    /// <summary>Selects the numbers of <paramref name="position"/> in <paramref name="step"/> under <paramref name="seed"/>.</summary>
    public CounterRandom(ulong seed, int step, int position)
    {
        Key = SplitMix.At(SplitMix.At(SplitMix.At(seed, 0) ^ (uint)step, 0) ^ (uint)position, 0);
    }

    /// <summary>What the numbers are looked up by: number i is that of <see cref="SplitMix.At"/>.</summary>
    internal ulong Key { get; }

    /// <summary>Number <paramref name="index"/> (a token id, or a tag outside the vocabulary), in the open interval (0, 1).</summary>
    public double Unit(ulong index) => SplitMix.ToUnit(SplitMix.At(Key, index));
}
