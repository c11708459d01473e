// Unicode's canonical normalization forms D and C.
//
//   D  every code point becomes its canonical decomposition, again and again; then each run of marks (combining class ≠ 0) is sorted
//      by class, marks of the same class staying in order
//   C  the same, then from the left: a code point joins the last starter before it where the two have a composite and no mark or
//      starter of the same or a higher class stands between
//
// Hangul syllables are arithmetic: S = 0xAC00 + (L·21 + V)·28 + T. Linear in the length but for the sorting of long runs of marks.
// string.Normalize gives text back unchanged where globalization is invariant, as in the programs here: hence the tables.
// Source: Unicode Standard Annex 15 and chapter 3.11, 3.12 of the standard. NormalizationData.g.cs holds the tables.
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Normalization form C or D.</summary>
internal sealed class CanonicalNormalizer : Normalizer
{
    private const int FirstAffected = 0xC0;           // À: no code point below it decomposes
    private const int FirstComposed = 0x300;          // none below it has a class or joins its predecessor
    private const int HangulS = 0xAC00;
    private const int HangulL = 0x1100;
    private const int HangulV = 0x1161;
    private const int HangulT = 0x11A7;
    private const int VCount = 21;
    private const int TCount = 28;
    private const int SCount = 19 * VCount * TCount;
    private static readonly Dictionary<int, (int First, int Second)> s_decompositions = ReadDecompositions();
    private static readonly Dictionary<(int First, int Second), int> s_composites = ReadComposites();
    private static readonly Dictionary<int, byte> s_classes = ReadClasses();
    private readonly bool _compose;

    /// <summary>Chooses the form.</summary>
    /// <param name="compose">True for form C, false for form D.</param>
    public CanonicalNormalizer(bool compose)
    {
        _compose = compose;
    }

    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', (char)((_compose ? FirstComposed : FirstAffected) - 1)) < 0)
        {
            return text;
        }

        List<int> points = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, points);
        }

        SortMarks(points);
        if (_compose)
        {
            Compose(points);
        }

        StringBuilder output = new(points.Count);
        foreach (int point in points)
        {
            output.Append(new Rune(point));
        }

        return output.ToString();
    }

    private static void Decompose(int point, List<int> output)
    {
        int syllable = point - HangulS;
        if (syllable is >= 0 and < SCount)
        {
            output.Add(HangulL + syllable / (VCount * TCount));
            output.Add(HangulV + syllable % (VCount * TCount) / TCount);
            if (syllable % TCount != 0)
            {
                output.Add(HangulT + syllable % TCount);
            }
        }
        else if (point >= FirstAffected && s_decompositions.TryGetValue(point, out (int First, int Second) parts))
        {
            Decompose(parts.First, output); // the table is four levels deep at most
            if (parts.Second != 0)
            {
                Decompose(parts.Second, output);
            }
        }
        else
        {
            output.Add(point);
        }
    }

    private static int ClassOf(int point) => point < FirstComposed ? 0 : s_classes.GetValueOrDefault(point);

    private static void SortMarks(List<int> points)
    {
        for (int start = 0; start < points.Count; start++)
        {
            int end = start;
            bool sorted = true;
            for (int previous = 0; end < points.Count && ClassOf(points[end]) is int current and > 0; end++)
            {
                sorted &= current >= previous;
                previous = current;
            }

            if (!sorted)
            {
                int[] run = [.. points[start..end].OrderBy(ClassOf)]; // stable
                for (int i = 0; i < run.Length; i++)
                {
                    points[start + i] = run[i];
                }
            }

            start = end;
        }
    }

    private static void Compose(List<int> points)
    {
        int count = 0;
        int starter = -1;
        int lastClass = 0;
        for (int i = 0; i < points.Count; i++)
        {
            int point = points[i];
            int combiningClass = ClassOf(point);
            bool blocked = starter < 0 || (count - 1 > starter && lastClass >= combiningClass);
            if (!blocked && Composite(points[starter], point) is int composite)
            {
                points[starter] = composite;
                continue;
            }

            starter = combiningClass == 0 ? count : starter;
            lastClass = combiningClass;
            points[count++] = point;
        }

        points.RemoveRange(count, points.Count - count);
    }

    private static int? Composite(int first, int second)
    {
        if (first - HangulL is >= 0 and < 19 and int l && second - HangulV is >= 0 and < VCount and int v)
        {
            return HangulS + (l * VCount + v) * TCount;
        }

        if (first - HangulS is >= 0 and < SCount and int s && s % TCount == 0 && second - HangulT is > 0 and < TCount and int t)
        {
            return first + t;
        }

        return s_composites.TryGetValue((first, second), out int composite) ? composite : null;
    }

    private static Dictionary<int, (int, int)> ReadDecompositions()
    {
        Dictionary<int, (int, int)> found = [];
        ReadOnlySpan<int> table = NormalizationData.Decompositions;
        for (int i = 0; i < table.Length; i += 3)
        {
            found.Add(table[i], (table[i + 1], table[i + 2]));
        }

        return found;
    }

    private static Dictionary<(int, int), int> ReadComposites()
    {
        HashSet<int> excluded = [.. NormalizationData.CompositionExclusions];
        return s_decompositions.Where(entry => entry.Value.Second != 0 && !excluded.Contains(entry.Key))
            .ToDictionary(entry => entry.Value, entry => entry.Key);
    }

    private static Dictionary<int, byte> ReadClasses()
    {
        Dictionary<int, byte> found = [];
        ReadOnlySpan<int> table = NormalizationData.CombiningClasses;
        for (int i = 0; i < table.Length; i += 3)
        {
            for (int point = table[i]; point <= table[i + 1]; point++)
            {
                found.Add(point, (byte)table[i + 2]);
            }
        }

        return found;
    }
}
