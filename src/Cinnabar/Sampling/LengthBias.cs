namespace Cinnabar.Sampling;

/// <summary>
/// B(L) of a network: how sure it is of holes of L tokens whose true length is another (<see cref="LengthProbe"/>), fitted on pieces of
/// text whose length is known.
/// </summary>
public sealed class LengthBias
{
    // Lengths so near to the true one are nearly right.
    private const int Near = 4;

    private readonly double[] _values;

    private LengthBias(double[] values) => _values = values;

    /// <summary>The longest length.</summary>
    public int Most => _values.Length;

    /// <summary>B(L), 1 ≤ L ≤ <see cref="Most"/>.</summary>
    public double Of(int length) => _values[length - 1];

    /// <summary>Fits B on holes: of each length the mean over the holes whose true length is not near it.</summary>
    /// <param name="probe">Of the network.</param>
    /// <param name="holes">Known tokens before and after each hole, and its true length; together of many lengths.</param>
    /// <param name="most">The longest length, which with what is known fits into the network's context.</param>
    /// <param name="done">Told after every hole.</param>
    /// <exception cref="ArgumentException">No hole tells of some length.</exception>
    public static LengthBias Fit(
        LengthProbe probe, IReadOnlyList<(int[] Before, int Length, int[] After)> holes, int most, Action<int>? done = null)
    {
        double[] sums = new double[most];
        int[] counts = new int[most];
        for (int i = 0; i < holes.Count; i++)
        {
            (int[] before, int trueLength, int[] after) = holes[i];
            for (int length = 1; length <= most; length++)
            {
                if (Math.Abs(length - trueLength) > Near)
                {
                    sums[length - 1] += probe.Sureness(before, length, after);
                    counts[length - 1]++;
                }
            }

            done?.Invoke(i + 1);
        }

        int untold = Array.IndexOf(counts, 0);
        return untold < 0
            ? new LengthBias([.. sums.Select((sum, i) => sum / counts[i])])
            : throw new ArgumentException(
                $"No hole of another length tells how sure the network is of {untold + 1} tokens.", nameof(holes));
    }
}
