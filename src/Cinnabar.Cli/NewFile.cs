namespace Cinnabar.Cli;

/// <summary>Files that --out names.</summary>
internal static class NewFile
{
    /// <summary>Throws if something is at the path and may not be replaced; before the work, so that none is lost.</summary>
    /// <param name="path">What --out names; null: nothing.</param>
    /// <param name="mayReplace">Whether --force was given.</param>
    /// <returns>The path.</returns>
    /// <exception cref="CinnabarException">Something is there.</exception>
    public static string? Require(string? path, bool mayReplace) => path is null || mayReplace || !Path.Exists(path)
        ? path
        : throw new CinnabarException(
            $"Expected --out to name a new file, found that {TerminalText.Quote(path)} exists.",
            "Give another name, or add --force to replace it.");
}
