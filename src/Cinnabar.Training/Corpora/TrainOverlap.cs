// How much of a held-out document also stands in the training text. Code is copied in parts, which a comparison of whole files
// (DuplicateFilter) does not find; a document that is mostly such parts measures what the network remembers, not what it can do.
//
//   window   60 tokens of one document that follow each other, about five lines of code
//   share    tokens inside a window that also stands in a training document / all tokens
//
// A window is known by its 64-bit polynomial hash h = Σ_j Mix(token_j + 1)·Base^(59 − j), which rolls on to the next window in two
// products (Karp and Rabin 1987). Only the windows of held-out documents are kept, and the training text passes by once, so memory does
// not grow with it. Among 24 M training and 0.5 M held-out windows a pair of different ones has the same hash with probability 1e-6.
using Cinnabar.Numerics;

namespace Cinnabar.Training.Corpora;

/// <summary>Finds the parts of held-out documents that training documents repeat. Not thread-safe.</summary>
internal sealed class TrainOverlap
{
    /// <summary>Shorter runs than this are idiom rather than copy.</summary>
    public const int WindowTokens = 60;

    private const ulong Base = 0x9E3779B97F4A7C15; // odd, so that no token is shifted out

    private static readonly ulong s_oldest = PowerOfBase(WindowTokens - 1);

    private readonly HashSet<ulong> _heldOut = [];
    private readonly HashSet<ulong> _shared = [];

    /// <summary>Remembers the windows of a held-out document; all of them before the first training document.</summary>
    public void AddHeldOut(ReadOnlySpan<int> ids) => _heldOut.UnionWith(Windows(ids));

    /// <summary>Marks the windows that a training document has too.</summary>
    public void AddTrain(ReadOnlySpan<int> ids)
    {
        foreach (ulong window in Windows(ids))
        {
            if (_heldOut.Contains(window))
            {
                _shared.Add(window);
            }
        }
    }

    /// <summary>The share of a held-out document's tokens that training documents repeat, 0 … 1; 0 for less than a window.</summary>
    public double Share(ReadOnlySpan<int> ids)
    {
        ulong[] windows = Windows(ids);
        int repeated = 0;
        int counted = 0; // tokens before this one are counted
        for (int start = 0; start < windows.Length; start++)
        {
            if (_shared.Contains(windows[start]))
            {
                repeated += start + WindowTokens - Math.Max(start, counted);
                counted = start + WindowTokens;
            }
        }

        return windows.Length == 0 ? 0 : (double)repeated / ids.Length;
    }

    // The hash of the window at every start: [ids.Length − 59], or empty.
    private static ulong[] Windows(ReadOnlySpan<int> ids)
    {
        ulong[] windows = new ulong[Math.Max(0, ids.Length - WindowTokens + 1)];
        ulong hash = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if (i >= WindowTokens)
            {
                hash -= Spread(ids[i - WindowTokens]) * s_oldest;
            }

            hash = (hash * Base) + Spread(ids[i]);
            if (i >= WindowTokens - 1)
            {
                windows[i - WindowTokens + 1] = hash;
            }
        }

        return windows;
    }

    private static ulong Spread(int id) => SplitMix.Mix((ulong)id + 1);

    private static ulong PowerOfBase(int exponent) => exponent == 0 ? 1 : Base * PowerOfBase(exponent - 1);
}
