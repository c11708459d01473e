// Leaves out files that are (nearly) the same as one that came before in the order of paths.
//
//   exact: equal after white space is removed
//   near:  estimated Jaccard ≥ the given similarity; candidates share at least one band of 8 bins of their signatures
//          (locality-sensitive hashing: 16 bands find a pair of J = 0.8 with probability 95 %, of J = 0.9 with 99.99 %)
using System.Security.Cryptography;
using System.Text;
using Cinnabar.Numerics;

namespace Cinnabar.Training.Corpora;

/// <summary>Marks duplicates as dropped.</summary>
internal static class DuplicateFilter
{
    private const int RowsPerBand = 8;
    private const int Bands = MinHash.Bins / RowsPerBand;

    /// <summary>The same documents, in the same order; duplicates are marked and hold no text.</summary>
    /// <param name="documents">In the order of their paths. The first of several duplicates stays.</param>
    /// <param name="similarity">From which Jaccard estimate two files count as the same.</param>
    /// <param name="threads">Threads that compute signatures.</param>
    public static CorpusDocument[] Mark(IReadOnlyList<CorpusDocument> documents, double similarity, int threads)
    {
        ulong[]?[] signatures = new ulong[documents.Count][];
        UInt128[] contents = new UInt128[documents.Count];
        Parallel.For(0, documents.Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            if (documents[i].Dropped is null)
            {
                contents[i] = Content(documents[i].Text);
                signatures[i] = similarity > 1 ? null : MinHash.Signature(documents[i].Text);
            }
        });

        CorpusDocument[] marked = [.. documents];
        HashSet<UInt128> seen = [];
        Dictionary<ulong, List<ulong[]>> bands = [];
        for (int i = 0; i < marked.Length; i++)
        {
            if (marked[i].Dropped is not null)
            {
                continue;
            }

            string? reason = !seen.Add(contents[i]) ? "duplicate"
                : signatures[i] is ulong[] signature && !TryKeep(signature, bands, similarity) ? "near duplicate"
                : null;
            marked[i] = reason is null ? marked[i] : marked[i] with { Text = "", Dropped = reason };
        }

        return marked;
    }

    private static bool TryKeep(ulong[] signature, Dictionary<ulong, List<ulong[]>> bands, double similarity)
    {
        ulong[] keys = new ulong[Bands];
        for (int band = 0; band < Bands; band++)
        {
            keys[band] = SplitMix.Mix((ulong)band);
            for (int row = 0; row < RowsPerBand; row++)
            {
                keys[band] = SplitMix.Mix(keys[band] ^ signature[(band * RowsPerBand) + row]);
            }

            if (bands.TryGetValue(keys[band], out List<ulong[]>? candidates)
                && candidates.Any(candidate => MinHash.Similarity(signature, candidate) >= similarity))
            {
                return false;
            }
        }

        foreach (ulong key in keys)
        {
            if (!bands.TryGetValue(key, out List<ulong[]>? list))
            {
                bands.Add(key, list = []);
            }

            list.Add(signature);
        }

        return true;
    }

    private static UInt128 Content(string text)
    {
        StringBuilder visible = new(text.Length);
        foreach (char c in text)
        {
            if (!char.IsWhiteSpace(c))
            {
                visible.Append(c);
            }
        }

        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(visible.ToString()));
        return new UInt128(BitConverter.ToUInt64(hash, 0), BitConverter.ToUInt64(hash, 8));
    }
}
