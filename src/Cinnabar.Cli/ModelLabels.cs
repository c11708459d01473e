namespace Cinnabar.Cli;

/// <summary>What models that are measured beside each other are called.</summary>
internal static class ModelLabels
{
    /// <summary>
    /// Their names; of different models with the same name, such as two folders "model" of two runs, as many of the last parts of their
    /// paths as tell them apart: "run-a/model", "run-b/model".
    /// </summary>
    public static string[] Of(IReadOnlyList<(string Name, string Path)> models) =>
        [.. models.Select(model => LabelOf(model, [.. models.Where(other => other.Name == model.Name && other.Path != model.Path)]))];

    private static string LabelOf((string Name, string Path) model, (string Name, string Path)[] others)
    {
        if (others.Length == 0)
        {
            return model.Name;
        }

        int parts = 2;
        while (EndOf(model.Path, parts) != model.Path && others.Any(other => EndOf(other.Path, parts) == EndOf(model.Path, parts)))
        {
            parts++;
        }

        return EndOf(model.Path, parts);
    }

    // The last parts of a path; the path if it has no more.
    private static string EndOf(string path, int parts)
    {
        int start = path.Length;
        for (int i = 0; i < parts && start > 0; i++)
        {
            start = path.LastIndexOfAny(['/', '\\'], start - 1);
        }

        return start <= 0 ? path : path[(start + 1)..];
    }
}
