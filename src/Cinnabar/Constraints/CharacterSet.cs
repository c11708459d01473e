// A set of Unicode characters (code points without the surrogates, which UTF-8 cannot hold) as sorted ranges that do not touch.
namespace Cinnabar.Constraints;

/// <summary>A range of code points, both ends in it.</summary>
internal readonly record struct CharacterRange(int First, int Last);

/// <summary>A set of Unicode characters; immutable.</summary>
internal sealed class CharacterSet
{
    private const int LastCharacter = 0x10FFFF;
    private const int FirstSurrogate = 0xD800;
    private const int LastSurrogate = 0xDFFF;

    private readonly CharacterRange[] _ranges;
    private ulong[]? _utf8;

    private CharacterSet(CharacterRange[] ranges) => _ranges = ranges;

    /// <summary>The ranges in order.</summary>
    public ReadOnlySpan<CharacterRange> Ranges => _ranges;

    /// <summary>Whether it holds nothing.</summary>
    public bool IsEmpty => _ranges.Length == 0;

    /// <summary>Its only character, or null if it holds none or several.</summary>
    public int? Single => _ranges is [var only] && only.First == only.Last ? only.First : null;

    /// <summary>The byte sequences of its characters (<see cref="Utf8Ranges"/>), worked out once.</summary>
    public ReadOnlySpan<ulong> Utf8 => _utf8 ??= Utf8Ranges.Of(this);

    /// <summary>One character, no surrogate.</summary>
    public static CharacterSet Of(int character) => new([new CharacterRange(character, character)]);

    /// <summary>The characters of a text.</summary>
    public static CharacterSet Of(string characters) =>
        Of([.. characters.EnumerateRunes().Select(character => new CharacterRange(character.Value, character.Value))]);

    /// <summary>All characters of some ranges in any order; surrogates in them are left out.</summary>
    public static CharacterSet Of(params ReadOnlySpan<CharacterRange> ranges)
    {
        CharacterRange[] sorted = ranges.ToArray();
        Array.Sort(sorted, (a, b) => a.First.CompareTo(b.First));
        List<CharacterRange> merged = [];
        foreach (CharacterRange range in sorted)
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
            {
                merged[^1] = merged[^1] with { Last = Math.Max(merged[^1].Last, range.Last) };
            }
            else
            {
                merged.Add(range);
            }
        }

        return new CharacterSet([.. merged.SelectMany(WithoutSurrogates)]);
    }

    /// <summary>The characters that are not in it.</summary>
    public CharacterSet Complement()
    {
        List<CharacterRange> gaps = [];
        int first = 0;
        foreach (CharacterRange range in _ranges)
        {
            if (range.First > first)
            {
                gaps.Add(new CharacterRange(first, range.First - 1));
            }

            first = range.Last + 1;
        }

        if (first <= LastCharacter)
        {
            gaps.Add(new CharacterRange(first, LastCharacter));
        }

        return Of([.. gaps]);
    }

    /// <summary>The characters that are in both.</summary>
    public CharacterSet Intersect(CharacterSet other)
    {
        List<CharacterRange> common = [];
        for (int i = 0, j = 0; i < _ranges.Length && j < other._ranges.Length;)
        {
            (CharacterRange a, CharacterRange b) = (_ranges[i], other._ranges[j]);
            CharacterRange both = new(Math.Max(a.First, b.First), Math.Min(a.Last, b.Last));
            if (both.First <= both.Last)
            {
                common.Add(both);
            }

            // The range that ends first has nothing more in common with any.
            _ = a.Last < b.Last ? i++ : j++;
        }

        return new CharacterSet([.. common]);
    }

    /// <summary>Whether a character is in it.</summary>
    public bool Contains(int character)
    {
        int low = 0;
        int high = _ranges.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _ranges[middle].Last < character ? (middle + 1, high) : (low, middle);
        }

        return low < _ranges.Length && _ranges[low].First <= character;
    }

    private static IEnumerable<CharacterRange> WithoutSurrogates(CharacterRange range)
    {
        CharacterRange below = range with { Last = Math.Min(range.Last, FirstSurrogate - 1) };
        CharacterRange above = range with { First = Math.Max(range.First, LastSurrogate + 1) };
        return ((CharacterRange[])[below, above]).Where(part => part.First <= part.Last);
    }
}
