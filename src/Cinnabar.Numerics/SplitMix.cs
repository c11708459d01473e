// The SplitMix64 finaliser, and bits → (0, 1). Mix is a bijection of the 64-bit integers whose output bits all depend on all
// input bits; At(seed, 0), At(seed, 1), … are the numbers of the SplitMix64 generator, here also read in any order.
namespace Cinnabar.Numerics;

/// <summary>Random numbers that are looked up by a seed and an index, the same on every device.</summary>
public static class SplitMix
{
    // 2^64 divided by the golden ratio, odd: steps through all 64-bit integers.
    private const ulong Increment = 0x9E3779B97F4A7C15;

    /// <summary>Spreads the bits of a number over all 64.</summary>
    public static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }

    /// <summary>Number <paramref name="index"/> (from 0) of the generator seeded with <paramref name="seed"/>.</summary>
    public static ulong At(ulong seed, ulong index) => Mix(seed + ((index + 1) * Increment));

    /// <summary>k · 2^−53 with k the upper 53 bits; k = 0 becomes 2^−54, so that the logarithm is always finite.</summary>
    public static double ToUnit(ulong bits)
    {
        ulong k = bits >> 11;
        return (k == 0 ? 0.5 : k) * (1.0 / (1UL << 53));
    }
}
