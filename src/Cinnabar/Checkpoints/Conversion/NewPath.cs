namespace Cinnabar.Checkpoints.Conversion;

/// <summary>Where a conversion writes to: nothing is ever overwritten.</summary>
internal static class NewPath
{
    /// <summary>Refuses a path where something is.</summary>
    /// <exception cref="CinnabarException">Something is there already.</exception>
    public static void Require(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new CinnabarException($"Expected a path to write to, found {ErrorText.Quote(path)}.", "Give one.");
        }

        if (File.Exists(path) || Directory.Exists(path))
        {
            throw new CinnabarException(
                $"{path}: expected nothing there yet, found a {(File.Exists(path) ? "file" : "folder")}.",
                "Choose another name, or move away what is there.");
        }
    }
}
