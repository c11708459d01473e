namespace Cinnabar.Training.Tests;

/// <summary>The checkout that the tests were built from.</summary>
internal static class RepositoryFolder
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        DirectoryInfo folder = new(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "Cinnabar.slnx")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests lie outside a checkout.");
        }

        return folder.FullName;
    }
}
