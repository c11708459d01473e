namespace Cinnabar.Cli;

/// <summary>What models that are measured beside each other are called.</summary>
internal static class ModelLabels
{
    /// <summary>Their names; of different models with the same name, such as two folders "model" of two runs, the paths.</summary>
    public static string[] Of(IReadOnlyList<(string Name, string Path)> models) =>
    [
        .. models.Select(model => models.Any(other => other.Name == model.Name && other.Path != model.Path) ? model.Path : model.Name),
    ];
}
