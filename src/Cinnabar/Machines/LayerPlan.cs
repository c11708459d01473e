// How many layers each machine gets. Those that were told a number get it; the others, this machine among them, share the rest in
// proportion to the memory they offer, at least one each. Shares are rounded down, and what is left goes to the largest remainders, the
// first of equal ones.
namespace Cinnabar.Machines;

/// <summary>Shares layers out.</summary>
internal static class LayerPlan
{
    /// <summary>Some layers, counted from 1 as people do.</summary>
    /// <param name="first">Number of the first, from 0.</param>
    /// <param name="end">Number of the first behind them.</param>
    public static string InWords(int first, int end) => end == first + 1 ? $"layer {end}" : $"layers {first + 1}–{end}";

    /// <summary>Layers of this machine, then of each other.</summary>
    /// <param name="layers">Of the network.</param>
    /// <param name="memory">Bytes that this machine and each other offers for layers.</param>
    /// <param name="told">How many layers each was told to take; null: not told. The first is this machine, never told.</param>
    /// <exception cref="CinnabarException">There are too few layers.</exception>
    public static int[] Share(int layers, ReadOnlySpan<long> memory, ReadOnlySpan<int?> told)
    {
        int[] shares = new int[memory.Length];
        double offered = 0;
        int free = layers;
        int open = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            free -= told[i] ?? 0;
            offered += told[i] is null ? Math.Max(1, memory[i]) : 0;
            open += told[i] is null ? 1 : 0;
        }

        if (free < open)
        {
            throw new CinnabarException(
                $"Expected layers for each of {shares.Length} machines, this one among them, found {layers} layers"
                + $"{(free == layers ? "" : $", of which {layers - free} go to machines that were told how many")}.",
                "Name fewer machines, or give them fewer layers.");
        }

        double[] remainders = new double[shares.Length];
        int left = free - open;
        for (int i = 0; i < shares.Length; i++)
        {
            double exact = told[i] is null ? (free - open) * (Math.Max(1, memory[i]) / offered) : 0;
            shares[i] = told[i] ?? 1 + (int)exact;
            remainders[i] = told[i] is null ? exact - (int)exact : -1;
            left -= (int)exact;
        }

        for (; left > 0; left--)
        {
            int most = Array.IndexOf(remainders, remainders.Max());
            shares[most]++;
            remainders[most] = -1;
        }

        return shares;
    }
}
