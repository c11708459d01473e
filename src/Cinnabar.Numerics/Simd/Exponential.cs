// e^x in single precision, one body for every register width, so that a lane and the remainder of a row give the same bits.
//
//   n = round(x / ln 2),  r = x − n·ln 2 (|r| ≤ ln 2 / 2),  e^x = 2^n · e^r
//   e^r by its Taylor polynomial of degree 7: the first term left out, r^8/8!, is below 6e-9.
// ln 2 is split into a part of few bits, whose product with n is exact, and the rest (Cody & Waite 1980, ch. 6).
// Relative error below 2e-7, with FMA or without, where the result is normal; below that it rounds into the denormals and reaches 0 at
// x < −104.
// −∞ → 0, +∞ and x > 88.73 → +∞, NaN → NaN. The runtime's own Vector512.Exp works in double and is several times slower.
using System.Runtime.CompilerServices;

namespace Cinnabar.Numerics.Simd;

internal static class Exponential
{
    private const float Lowest = -104.5f;
    private const float Highest = 89f;
    private const float PerLn2 = 1.44269504f;
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVec Of<TVec>(TVec x)
        where TVec : struct, ISimd<TVec>
    {
        // NaN passes both: each returns its second operand then.
        x = TVec.Min(TVec.Broadcast(Highest), TVec.Max(TVec.Broadcast(Lowest), x));
        TVec n = TVec.Round(x * TVec.Broadcast(PerLn2));
        TVec r = TVec.MultiplyAdd(n, TVec.Broadcast(-Ln2High), x);
        r = TVec.MultiplyAdd(n, TVec.Broadcast(-Ln2Low), r);

        TVec p = TVec.MultiplyAdd(r, TVec.Broadcast(1f / 5040f), TVec.Broadcast(1f / 720f));
        p = TVec.MultiplyAdd(p, r, TVec.Broadcast(1f / 120f));
        p = TVec.MultiplyAdd(p, r, TVec.Broadcast(1f / 24f));
        p = TVec.MultiplyAdd(p, r, TVec.Broadcast(1f / 6f));
        p = TVec.MultiplyAdd(p, r, TVec.Broadcast(0.5f));
        p = TVec.MultiplyAdd(p, r, TVec.Broadcast(1f));
        p = TVec.MultiplyAdd(p, r, TVec.Broadcast(1f));
        return TVec.ScaleByPowerOfTwo(p, n);
    }
}
