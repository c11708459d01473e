// Where a model is, given a path, a bare name such as "csharp-12m", or a name of the Hugging Face hub such as "org/name".
// A bare name is looked up as models/<name>
//   1. in the current folder and its parents, 2. in the folder of the program and its parents,
// each time up to the root of the repository (the folder that holds .git). Outside a repository only the starting folder itself
// is searched, so that nobody can plant a models folder in a shared parent such as /tmp.
// A name of the hub (see ModelReference) is looked up in the shared cache; nothing is ever fetched here.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Checkpoints;

/// <summary>Finds model folders by path or name.</summary>
public static class ModelLocator
{
    private const string ModelsFolder = "models";

    /// <summary>The folder of a model, or its file if a reference to the hub names a GGUF file.</summary>
    /// <param name="pathOrName">
    /// A path to a folder, a name under a "models" folder, or org/name[@revision][:file.gguf] of a model that was pulled from the hub.
    /// </param>
    /// <exception cref="CinnabarException">Not found; the message lists where it was looked for and which names there are.</exception>
    public static string Find(string pathOrName) => Find(
        pathOrName,
        Directory.GetCurrentDirectory(),
        AppContext.BaseDirectory,
        new HubCache(HubOptions.FromEnvironment().CacheFolder));

    /// <summary>As <see cref="Find(string)"/> with the starting folders and the cache given.</summary>
    internal static string Find(string pathOrName, string currentFolder, string programFolder, HubCache cache)
    {
        if (string.IsNullOrWhiteSpace(pathOrName) || pathOrName.Contains('\0'))
        {
            throw new CinnabarException($"Expected the name or the path of a model, found {ErrorText.Quote(pathOrName)}.", "Give one.");
        }

        string asPath = Path.Combine(currentFolder, pathOrName);
        if (AtomicFolder.Exists(asPath) || (File.Exists(asPath) && GgufCheckpoint.IsGguf(asPath)))
        {
            return asPath;
        }

        if (ModelReference.TryParse(pathOrName) is ModelReference reference)
        {
            return cache.FindSnapshot(reference) ?? throw new CinnabarException(
                $"{ErrorText.Quote(pathOrName)}: expected a model folder, or a model of the Hugging Face hub in {cache.Folder}, "
                + "found neither.",
                $"Check the path, or fetch the model from the hub: cinnabar pull {reference}");
        }

        if (!IsName(pathOrName))
        {
            throw new CinnabarException(
                $"{ErrorText.Quote(pathOrName)}: expected a model folder or a .gguf file, "
                + $"found {(File.Exists(asPath) ? "another file" : "nothing")}.",
                "Check the path.");
        }

        List<string> places = [.. PlacesFrom(currentFolder).Concat(PlacesFrom(programFolder)).Distinct(StringComparer.Ordinal)];
        foreach (string place in places)
        {
            string candidate = Path.Combine(place, pathOrName);
            if (AtomicFolder.Exists(candidate))
            {
                return candidate;
            }
        }

        List<string> names = [.. places.Where(Directory.Exists).SelectMany(NamesIn).Distinct().Order(StringComparer.Ordinal)];
        throw new CinnabarException(
            $"Expected a model {ErrorText.Quote(pathOrName)} in {string.Join(", ", places)}, " +
            $"found {(names.Count == 0 ? "no models there" : ErrorText.Some(names, 10))}.",
            names.Count == 0 ? "Give the path of a model folder." : "Give one of these names, or the path of a model folder.");
    }

    private static bool IsName(string text) =>
        text is not ("." or "..") && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static List<string> PlacesFrom(string start)
    {
        List<string> places = [];
        for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
        {
            places.Add(Path.Combine(folder.FullName, ModelsFolder));
            // In a worktree .git is a file.
            if (Path.Exists(Path.Combine(folder.FullName, ".git")))
            {
                return places;
            }
        }

        return places[..1];
    }

    private static IEnumerable<string> NamesIn(string place)
    {
        try
        {
            return Directory.GetDirectories(place).Select(folder => Path.GetFileName(folder)).Where(IsName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
