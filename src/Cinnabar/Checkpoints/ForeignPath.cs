// Names that come from outside (the file list of a hub, the index of a sharded checkpoint, a revision) and are about to become part of
// a path. One rule for all systems, so that what is safe on Linux is safe on Windows:
//   relative parts joined by '/', none of them empty, "." or "..", none that ends in '.' or ' ' (Windows drops these),
//   no control or formatting character, no half surrogate, none of \ : < > " | ? * (drives, streams, patterns),
//   no part called like a device (CON, NUL, COM1 …) whatever its extension, at most 255 bytes a part and 1,024 in all.
// Source: Microsoft Learn, "Naming files, paths, and namespaces".
using System.Globalization;
using System.Text;

namespace Cinnabar.Checkpoints;

/// <summary>Judges names from outside that are to be used as relative paths.</summary>
internal static class ForeignPath
{
    private const int MaxBytes = 1_024;
    private const int MaxPartBytes = 255;
    private const string ForbiddenCharacters = "\\:<>\"|?*";

    // Windows reads the superscript digits as digits.
    private static readonly HashSet<string> s_devices = new(
        [
            "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
            .. "0123456789¹²³".SelectMany(digit => (string[])[$"COM{digit}", $"LPT{digit}"]),
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>What is wrong with a relative path, as a noun for messages; null if it may be used.</summary>
    public static string? FaultOf(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > MaxBytes)
        {
            return $"a name of more than {MaxBytes} bytes";
        }

        foreach (Rune rune in path.EnumerateRunes())
        {
            UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            if (rune == Rune.ReplacementChar || category is UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                return "a character that cannot be shown";
            }

            if (rune.IsAscii && ForbiddenCharacters.Contains((char)rune.Value))
            {
                return $"the character {rune}";
            }
        }

        return path.Split('/').Select(FaultOfPart).FirstOrDefault(fault => fault is not null);
    }

    /// <summary>The part behind the last separator of either kind, for a path that was not judged yet.</summary>
    public static string LastPart(string path) => path[(path.LastIndexOfAny(['/', '\\']) + 1)..];

    private static string? FaultOfPart(string part) => part switch
    {
        "" => "an empty part",
        "." or ".." => $"the part '{part}'",
        _ when part[^1] is '.' or ' ' => "a part that ends in a dot or a space",
        _ when Encoding.UTF8.GetByteCount(part) > MaxPartBytes => $"a part of more than {MaxPartBytes} bytes",
        _ when s_devices.Contains(part.Split('.')[0].TrimEnd(' ')) => "the name of a device",
        _ => null,
    };
}
