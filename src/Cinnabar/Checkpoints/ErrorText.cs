using System.Globalization;
using System.Text;

namespace Cinnabar.Checkpoints;

/// <summary>Makes text that came out of a file safe to show: no control characters, no terminal escapes, no endless names.</summary>
internal static class ErrorText
{
    private const int MaxShown = 80;

    /// <summary>The text in single quotes; control characters and lone surrogates as \uXXXX, cut after 80 characters.</summary>
    public static string Quote(string text)
    {
        StringBuilder shown = new("'");
        for (int i = 0; i < text.Length && i < MaxShown; i++)
        {
            char c = text[i];
            if (char.IsSurrogatePair(text, i) && i + 1 < MaxShown)
            {
                shown.Append(c).Append(text[++i]);
            }
            else if (char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format)
            {
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.Append(text.Length > MaxShown ? "…'" : "'").ToString();
    }

    /// <summary>A few of many names, for messages: "'a', 'b', 'c' and 7 more".</summary>
    public static string Some(IReadOnlyCollection<string> names, int most = 3)
    {
        string shown = string.Join(", ", names.Take(most).Select(Quote));
        return names.Count > most ? $"{shown} and {names.Count - most} more" : shown;
    }

    /// <summary>The exception for a tensor that is not there.</summary>
    /// <param name="path">The file, or the index of the files.</param>
    /// <param name="name">The tensor.</param>
    /// <param name="others">Those that are there.</param>
    /// <param name="remedy">What to do.</param>
    public static CinnabarException NoTensor(string path, string name, IReadOnlyCollection<string> others, string remedy) =>
        new($"{path}: expected a tensor {Quote(name)}, found {others.Count} others: {Some(others)}.", remedy);
}
