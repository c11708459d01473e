namespace Cinnabar.Numerics.Tests;

internal static partial class Tolerance
{
    /// <summary>
    /// An F32 sum of <paramref name="k"/> products of numbers up to 1 against the same sum in double: each rounding errs by half a unit
    /// (6e-8) of a partial sum of order √k, and their errors add up like a random walk.
    /// </summary>
    public static Bound MatMul(int k) => new(1e-6 * Math.Sqrt(k), 1e-7 * Math.Sqrt(k));
}
