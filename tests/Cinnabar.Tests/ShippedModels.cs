namespace Cinnabar.Tests;

/// <summary>The models of the repository.</summary>
internal static class ShippedModels
{
    /// <summary>The folder of one of them.</summary>
    public static string PathOf(string name)
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Cinnabar.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(
            folder ?? throw new InvalidOperationException($"No Cinnabar.slnx above {AppContext.BaseDirectory}."), "models", name);
    }
}
