// A hash that is the same on every platform and in every run, unlike GetHashCode: the 64-bit finaliser of MurmurHash3
// (A. Appleby, public domain), a bijection whose output bits all depend on all input bits.
namespace Cinnabar.Evaluation.Puzzles;

internal static class StableHash
{
    public static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 33)) * 0xFF51AFD7ED558CCD;
        bits = (bits ^ (bits >> 33)) * 0xC4CEB9FE1A85EC53;
        return bits ^ (bits >> 33);
    }

    /// <summary>The hash of what <paramref name="hash"/> stands for, followed by <paramref name="next"/>.</summary>
    public static ulong Then(ulong hash, ulong next) => Mix((hash * 0x9E3779B97F4A7C15) + next + 1);
}
