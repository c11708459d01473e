// a[start:stop:step] as Python has it: negative parts count from the end, a negative step goes backwards, nothing is out of range.
namespace Cinnabar.Chat.Jinja;

/// <summary>Slices of texts, lists and tuples.</summary>
internal static class JinjaSlice
{
    /// <summary>The slice; null for a missing part.</summary>
    public static object? Of(JinjaContext context, object? value, long? start, long? stop, long? step)
    {
        if (step == 0)
        {
            throw context.Fault("a step of a slice other than 0", "0");
        }

        switch (value)
        {
            case JinjaList list:
                context.Reserve(list.Items.Count);
                return new JinjaList([.. Indices(list.Items.Count, start, stop, step ?? 1).Select(i => list.Items[i])], list.IsTuple);
            case string text when (step ?? 1) == 1 && PythonText.HasNoPairs(text):
                context.Reserve(text.Length);
                (long from, long to) = Bounds(text.Length, start, stop, 1);
                return to > from ? text.Substring((int)from, (int)(to - from)) : string.Empty;
            case string text:
                context.Reserve(text.Length);
                string[] characters = [.. PythonText.Characters(text)];
                return string.Concat(Indices(characters.Length, start, stop, step ?? 1).Select(i => characters[i]));
            default:
                throw context.Fault("a list or text before [:]", JinjaValue.Describe(value));
        }
    }

    private static IEnumerable<int> Indices(int count, long? start, long? stop, long step)
    {
        (long from, long to) = Bounds(count, start, stop, step);
        step = Math.Clamp(step, -count - 1L, count + 1L); // a longer step takes one element too, and cannot overflow
        for (long i = from; step > 0 ? i < to : i > to; i += step)
        {
            yield return (int)i;
        }
    }

    private static (long From, long To) Bounds(int count, long? start, long? stop, long step)
    {
        long lowest = step > 0 ? 0 : -1;
        long highest = step > 0 ? count : count - 1;
        return (Bound(start, step > 0 ? lowest : highest), Bound(stop, step > 0 ? highest : lowest));

        long Bound(long? part, long missing) => part is not long value
            ? missing
            : Math.Clamp(value < 0 ? value + count : value, lowest, highest);
    }
}
