// The one generator of random numbers: xoshiro256**, seeded through SplitMix64.
//
// Integers and uniform numbers are the same on every platform. Fork(k) derives an independent generator from the *seed*, not from the
// current position, so what one consumer draws never shifts what another one sees, and a resumed run, which forks for each of its steps,
// draws what an uninterrupted one does.
//
// Sources: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", 2021 (xoshiro256**); G. Steele et al.,
// "Fast splittable pseudorandom number generators", 2014 (SplitMix64); D. Lemire, "Fast random integer generation in an
// interval", 2019 (NextInt).
using System.Numerics;
using Cinnabar.Numerics;

namespace Cinnabar.Diffusion;

/// <summary>A seeded generator, the same on every platform; not thread-safe, use <see cref="Fork"/> for another thread.</summary>
public sealed class DeterministicRandom
{
    private readonly ulong _seed;
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>Starts the sequence of <paramref name="seed"/>.</summary>
    public DeterministicRandom(ulong seed)
    {
        _seed = seed;
        _s0 = SplitMix.At(seed, 0);
        _s1 = SplitMix.At(seed, 1);
        _s2 = SplitMix.At(seed, 2);
        _s3 = SplitMix.At(seed, 3);
    }

    /// <summary>The next 64 bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>The next number in the open interval (0, 1), 53 random bits.</summary>
    public double NextDouble() => SplitMix.ToUnit(NextUInt64());

    /// <summary>The next integer in 0 … <paramref name="exclusiveBound"/> − 1, each equally likely.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not positive.</exception>
    public int NextInt(int exclusiveBound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveBound);
        ulong bound = (ulong)exclusiveBound;
        ulong high = Math.BigMul(NextUInt64(), bound, out ulong low);
        if (low < bound)
        {
            // 2^64 mod bound draws would land once too often on some results: draw those again.
            ulong surplus = unchecked(0UL - bound) % bound;
            while (low < surplus)
            {
                high = Math.BigMul(NextUInt64(), bound, out low);
            }
        }

        return (int)high;
    }

    /// <summary>Puts items into a random order, each equally likely (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = 0; i < items.Length; i++)
        {
            int other = i + NextInt(items.Length - i);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }

    /// <summary>
    /// The next number of a standard normal distribution (Box and Muller: √(−2 ln u₁) · cos 2πu₂). Logarithm and cosine come from the
    /// platform's library, so the last bit may differ between platforms.
    /// </summary>
    public double NextGaussian()
    {
        double radius = Math.Sqrt(-2 * Math.Log(NextDouble()));
        return radius * Math.Cos(2 * Math.PI * NextDouble());
    }

    /// <summary>
    /// An independent generator that depends on this one's seed and on <paramref name="stream"/> only; draws nothing. Seed and stream may
    /// change places: stream b of seed a is stream a of seed b.
    /// </summary>
    public DeterministicRandom Fork(ulong stream) =>
        new(SplitMix.Mix(SplitMix.At(_seed, 0) ^ SplitMix.At(stream, 0)));
}
