namespace Cinnabar.Tests.Sampling.Golden;

/// <summary>The llama.cpp goldens beside the checkout, if they are there.</summary>
internal static class GoldenFolder
{
    /// <summary>…/shared/golden/llamacpp, or null.</summary>
    public static string? Path { get; } = Find();

    private static string? Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Cinnabar.slnx")))
        {
            folder = folder.Parent;
        }

        string? golden = folder?.Parent is null ? null : System.IO.Path.Combine(folder.Parent.FullName, "shared", "golden", "llamacpp");
        return Directory.Exists(golden) ? golden : null;
    }
}
