// The stable sort behind the filters sort and dictsort: a merge sort of our own, since the library's sorts wrap what a comparison throws
// in another exception. Texts compare without regard to case unless asked.
namespace Cinnabar.Chat.Jinja;

/// <summary>Sorts values.</summary>
internal static class SequenceSort
{
    /// <summary>The items in the order of their keys; equal ones keep their order, backwards too, as in Python.</summary>
    public static IReadOnlyList<object?> By(
        JinjaContext context, IReadOnlyList<object?> items, bool caseSensitive, bool reverse, Func<object?, object?> key)
    {
        context.Reserve(2L * items.Count);
        (object? Key, object? Item)[] sorted = [.. items.Select(item => (Key(context, key(item), caseSensitive), item))];
        (object? Key, object? Item)[] merged = new (object?, object?)[sorted.Length];
        for (int width = 1; width < sorted.Length; width *= 2)
        {
            for (int start = 0; start < sorted.Length; start += 2 * width)
            {
                Merge(context, sorted, merged, start, width, reverse);
            }

            (sorted, merged) = (merged, sorted);
        }

        return [.. sorted.Select(pair => pair.Item)];
    }

    /// <summary>What is compared: a text in lower case, unless case counts.</summary>
    public static object? Key(JinjaContext context, object? value, bool caseSensitive) =>
        value is string text && !caseSensitive ? PythonString.ChangeCase(context, text, "lower") : value;

    private static void Merge(
        JinjaContext context, (object? Key, object? Item)[] from, (object? Key, object? Item)[] to, int start, int width, bool reverse)
    {
        int left = start;
        int middle = Math.Min(start + width, from.Length);
        int right = middle;
        int end = Math.Min(start + (2 * width), from.Length);
        for (int i = start; i < end; i++)
        {
            bool takeLeft = right >= end || (left < middle && !ComesFirst(from[right].Key, from[left].Key));
            to[i] = takeLeft ? from[left++] : from[right++];
        }

        bool ComesFirst(object? a, object? b) => JinjaComparison.Compare(context, a, b) is int order && (reverse ? order > 0 : order < 0);
    }
}
