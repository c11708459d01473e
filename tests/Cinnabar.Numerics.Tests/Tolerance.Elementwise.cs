namespace Cinnabar.Numerics.Tests;

/// <summary>|actual − expected| ≤ Absolute + Relative·|expected|; non-finite values must be equal.</summary>
internal readonly record struct Bound(double Absolute, double Relative)
{
    public bool Allows(double expected, double actual) =>
        expected.Equals(actual) || Math.Abs(actual - expected) <= Absolute + (Relative * Math.Abs(expected));
}

/// <summary>How far a kernel may be from its reference, in one place. One unit in the last place of F32 is 6e-8 … 1.2e-7.</summary>
internal static partial class Tolerance
{
    /// <summary>The same operations in the same order: equal bits.</summary>
    public static Bound Exact => new(0, 0);

    /// <summary>A few roundings per element, none of which can cancel.</summary>
    public static Bound Elementwise => new(1e-6, 1e-6);

    /// <summary>The exponential alone; absolute: two units of the smallest denormal.</summary>
    public static Bound Exp => new(2.9e-45, 2.5e-7);

    /// <summary>Values of order 1 that went through a sum over a row.</summary>
    public static Bound RowReduction => new(3e-6, 3e-6);

    /// <summary>Two sums over rows in F32 (scores, then output), operands of order 1.</summary>
    public static Bound Attention => new(1e-5, 1e-5);

    /// <summary>A backward pass in F32 against central differences in double.</summary>
    public static Bound Gradient => new(1e-5, 1e-5);
}
