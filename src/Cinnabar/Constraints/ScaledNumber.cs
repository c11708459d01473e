// Numbers of any size from 0 on, and their sums:  x = m · 2^(256 e)
//
// The weight of all completions of a state is a product of hundreds of probabilities, and two states of one slot can differ by more
// than a double holds. Logarithms would take an exponential for every edge. Instead the rare large steps are an integer beside
// the double. Stored numbers have m in [2^-128, 2^128) or are 0, so that a product of two has m in [2^-256, 2^256): a term that lies three
// levels below another is less than 2^-250 of it and is left out, and one that lies two below is still a normal double.
using System.Runtime.CompilerServices;

namespace Cinnabar.Constraints;

/// <summary>A number m · 2^(256 e), or a sum of such numbers.</summary>
internal struct ScaledNumber
{
    /// <summary>0.</summary>
    public static readonly ScaledNumber Zero = new() { Level = ZeroLevel };

    // Below that of any other number, also in a product.
    private const int ZeroLevel = int.MinValue / 4;
    private const double Up = 1.157920892373162e77; // 2^256, exactly
    private const double Down = 1 / Up;
    private const double Largest = 3.402823669209385e38; // 2^128
    private const double LogOfLevel = 177.445678223346; // ln 2^256

    /// <summary>m.</summary>
    public double Mantissa;

    /// <summary>e.</summary>
    public int Level;

    /// <summary>e^x for a negative or small x, or for −∞.</summary>
    public static ScaledNumber Exp(double x)
    {
        if (double.IsNegativeInfinity(x))
        {
            return Zero;
        }

        int level = x > -LogOfLevel / 2 ? 0 : (int)Math.Floor((x / LogOfLevel) + 0.5);
        return new() { Mantissa = Math.Exp(x - (level * LogOfLevel)), Level = level };
    }

    /// <summary>2^(256 levels) for what is at most 1 with a mantissa near the middle: 0 where the number cannot matter beside 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Factor(int levels) => levels == 0 ? 1 : OtherFactor(levels);

    /// <summary>This number as a share of a sum that it is part of.</summary>
    public readonly double Over(ScaledNumber sum) => Mantissa / sum.Mantissa * Factor(Level - sum.Level);

    /// <summary>ln x.</summary>
    public readonly double Log() => Math.Log(Mantissa) + (Level * LogOfLevel);

    /// <summary>Whether a stored number is greater than another.</summary>
    public readonly bool IsAbove(in ScaledNumber other) => Level == other.Level ? Mantissa > other.Mantissa
        : Level > other.Level ? Mantissa > other.Mantissa * OtherFactor(other.Level - Level)
        : Mantissa * OtherFactor(Level - other.Level) > other.Mantissa;

    /// <summary>Adds <paramref name="mantissa"/> · 2^(256 level), a stored number or a product of two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(double mantissa, int level)
    {
        if (level == Level)
        {
            Mantissa += mantissa;
        }
        else
        {
            this = Sum(this, mantissa, level);
        }
    }

    /// <summary>The same number with m in [2^-128, 2^128).</summary>
    public readonly ScaledNumber Normalised()
    {
        return Mantissa == 0 ? Zero
            : Mantissa >= Largest ? new() { Mantissa = Mantissa * Down, Level = Level + 1 }
            : Mantissa < 1 / Largest ? new() { Mantissa = Mantissa * Up, Level = Level - 1 }
            : this;
    }

    private static ScaledNumber Sum(ScaledNumber sum, double mantissa, int level)
    {
        return level > sum.Level
            ? new() { Mantissa = mantissa + (sum.Mantissa * OtherFactor(sum.Level - level)), Level = level }
            : new() { Mantissa = sum.Mantissa + (mantissa * OtherFactor(level - sum.Level)), Level = sum.Level };
    }

    private static double OtherFactor(int levels) => levels switch
    {
        1 => Up,
        -1 => Down,
        -2 => Down * Down,
        _ => 0,
    };
}
