namespace Cinnabar.Cli;

/// <summary>Files that options such as --out name, looked at before the work, so that none is lost.</summary>
internal static class NewFile
{
    /// <summary>
    /// Throws if the path cannot be that of a file, its folder is missing, or one is there that may not be replaced. Whether this user may
    /// write there shows only at the end.
    /// </summary>
    /// <param name="path">What the option names; null: nothing.</param>
    /// <param name="mayReplace">Whether a file may be replaced, as --force says.</param>
    /// <param name="option">The option.</param>
    /// <returns>The path.</returns>
    /// <exception cref="CinnabarException">It is no path, its folder is missing, or something is there.</exception>
    public static string? Require(string? path, bool mayReplace, string option = "--out")
    {
        if (path is null)
        {
            return null;
        }

        RequirePath(path, option);
        if (Directory.Exists(path))
        {
            throw new CinnabarException(
                $"Expected {option} to name a file, found that {TerminalText.Quote(path)} is a folder.", "Give the name of a file.");
        }

        // Files are written under another name, which then takes their place: a device or a pipe would be lost.
        if (path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal))
        {
            throw new CinnabarException(
                $"Expected {option} to name an ordinary file, found {TerminalText.Quote(path)}.", "Give the name of a file.");
        }

        if (!mayReplace && Path.Exists(path))
        {
            throw new CinnabarException(
                $"Expected {option} to name a new file, found that {TerminalText.Quote(path)} exists.",
                "Give another name, or add --force to replace it.");
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? path;
        return Directory.Exists(folder) ? path : throw new CinnabarException(
            $"Expected {option} to name a file in a folder that exists, found no folder {TerminalText.Quote(folder)}.",
            "Make the folder, or give another path.");
    }

    /// <summary>Throws if a text is no path at all.</summary>
    /// <param name="path">What the option names.</param>
    /// <param name="option">The option.</param>
    /// <exception cref="CinnabarException">It is none.</exception>
    public static void RequirePath(string path, string option)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new CinnabarException($"Expected {option} to name a path, found {TerminalText.Quote(path)}.", "Give one.");
        }
    }
}
