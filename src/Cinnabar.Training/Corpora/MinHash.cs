// A sketch of a text by which the likeness of two texts is estimated without comparing them.
//
//   shingle    5 consecutive words; a word is a run of letters, digits and _, or one other visible character
//   J(A, B)    |A ∩ B| ÷ |A ∪ B| over the sets of shingles
//   signature  [K] one hash of each shingle; its top bits choose one of K bins; a bin keeps the least hash
//              (one permutation hashing). An empty bin takes the value of the next full one, changed by the distance.
//   estimate   of J: the share of equal bins
//
// Source: Broder 1997 (resemblance); Li, Owen, Zhang 2012, arXiv 1208.1259; Shrivastava, Li 2014, arXiv 1406.4784 (densification).
using Cinnabar.Numerics;

namespace Cinnabar.Training.Corpora;

/// <summary>MinHash signatures of texts.</summary>
internal static class MinHash
{
    /// <summary>K: the bins of a signature.</summary>
    public const int Bins = 128;

    private const int ShingleWords = 5;
    private const int BinShift = 64 - 7; // Bins = 2^7
    private const ulong Empty = ulong.MaxValue;
    private const ulong Prime = 0x100000001B3; // FNV-1a, 64 bit
    private const ulong Basis = 0xCBF29CE484222325;

    /// <summary>The signature of a text; null where it has no shingle.</summary>
    public static ulong[]? Signature(string text)
    {
        ulong[] bins = new ulong[Bins];
        Array.Fill(bins, Empty);
        Span<ulong> words = stackalloc ulong[ShingleWords];
        int count = 0;
        for (int i = 0; i < text.Length;)
        {
            if (char.IsWhiteSpace(text[i]))
            {
                i++;
                continue;
            }

            ulong word = Basis;
            bool named = IsNamePart(text[i]);
            do
            {
                word = (word ^ text[i++]) * Prime;
            }
            while (named && i < text.Length && IsNamePart(text[i]));

            words[count++ % ShingleWords] = word;
            if (count >= ShingleWords)
            {
                ulong shingle = Basis;
                for (int w = 0; w < ShingleWords; w++)
                {
                    shingle = SplitMix.Mix(shingle ^ words[(count + w) % ShingleWords]);
                }

                ref ulong bin = ref bins[shingle >> BinShift];
                bin = Math.Min(bin, shingle);
            }
        }

        return count < ShingleWords ? null : Densify(bins);
    }

    /// <summary>The estimated share of shingles that two texts have in common.</summary>
    public static double Similarity(ulong[] left, ulong[] right)
    {
        int equal = 0;
        for (int i = 0; i < Bins; i++)
        {
            equal += left[i] == right[i] ? 1 : 0;
        }

        return (double)equal / Bins;
    }

    private static ulong[] Densify(ulong[] bins)
    {
        ulong[] dense = new ulong[Bins];
        for (int i = 0; i < Bins; i++)
        {
            int distance = 0;
            while (bins[(i + distance) % Bins] == Empty)
            {
                distance++;
            }

            dense[i] = bins[(i + distance) % Bins] + ((ulong)distance * Prime);
        }

        return dense;
    }

    private static bool IsNamePart(char c) => char.IsLetterOrDigit(c) || c == '_';
}
