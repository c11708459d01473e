using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Cinnabar.Training.Corpora;

/// <summary>A description of a corpus as a JSON file: which folders of a source tree, under which licences, and what is left out.</summary>
public sealed record CorpusRecipe
{
    /// <summary>What the corpus is, and where its source tree is had.</summary>
    public required string Description { get; init; }

    /// <summary>The folders.</summary>
    public required IReadOnlyList<CorpusRecipeFolder> Folders { get; init; }

    /// <summary>As <see cref="CorpusOptions.Patterns"/>.</summary>
    public required IReadOnlyList<string> Patterns { get; init; }

    /// <summary>As <see cref="CorpusOptions.Exclude"/>.</summary>
    public required IReadOnlyList<string> Exclude { get; init; }

    /// <summary>As <see cref="CorpusOptions.Licences"/>.</summary>
    public required IReadOnlyList<string> Licences { get; init; }

    /// <summary>As <see cref="CorpusOptions.MinFileBytes"/>; null: its default.</summary>
    public int? MinFileBytes { get; init; }

    /// <summary>As <see cref="CorpusOptions.MaxFileBytes"/>; null: its default.</summary>
    public int? MaxFileBytes { get; init; }

    /// <summary>As <see cref="CorpusOptions.MaxLineLength"/>; null: its default.</summary>
    public int? MaxLineLength { get; init; }

    /// <summary>As <see cref="CorpusOptions.MaxMeanLineLength"/>; null: its default.</summary>
    public double? MaxMeanLineLength { get; init; }

    /// <summary>As <see cref="CorpusOptions.ValidationShare"/>; null: its default.</summary>
    public double? ValidationShare { get; init; }

    /// <summary>As <see cref="CorpusOptions.TestShare"/>; null: its default.</summary>
    public double? TestShare { get; init; }

    /// <summary>Reads a recipe.</summary>
    /// <exception cref="CinnabarException">It is missing or damaged.</exception>
    public static CorpusRecipe Load(string path)
    {
        try
        {
            // Editors on Windows may begin a file with a byte order mark.
            ReadOnlySpan<byte> json = File.ReadAllBytes(path);
            json = ByteOrderMark.Skip(json);
            using (JsonDocument document = JsonDocument.Parse(json.ToArray()))
            {
                RequireFit(path, "", typeof(CorpusRecipe), document.RootElement);
            }

            return JsonSerializer.Deserialize(json, CorpusJson.Default.CorpusRecipe)
                ?? throw new JsonException("the file holds null");
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new CinnabarException(
                $"The recipe {path} cannot be read: {failure.Message}", "Compare it with those in the folder recipes/.", failure);
        }
    }

    /// <summary>The options for a source tree on this machine; all that the recipe does not say has its default.</summary>
    /// <param name="root">The folder that the recipe's paths are relative to.</param>
    /// <exception cref="CinnabarException">A folder of the recipe is not there.</exception>
    public CorpusOptions ToOptions(string root)
    {
        CorpusOptions options = new()
        {
            Sources = [.. Folders.Select(folder => ToSource(root, folder))],
            Patterns = Patterns,
            Exclude = Exclude,
            Licences = Licences,
        };
        return options with
        {
            MinFileBytes = MinFileBytes ?? options.MinFileBytes,
            MaxFileBytes = MaxFileBytes ?? options.MaxFileBytes,
            MaxLineLength = MaxLineLength ?? options.MaxLineLength,
            MaxMeanLineLength = MaxMeanLineLength ?? options.MaxMeanLineLength,
            ValidationShare = ValidationShare ?? options.ValidationShare,
            TestShare = TestShare ?? options.TestShare,
        };
    }

    // The serialiser would refuse the same, but in words about .NET types.
    private static void RequireFit(string path, string key, Type type, JsonElement value)
    {
        JsonTypeInfo? info = CorpusJson.Default.GetTypeInfo(type);
        if (info?.Kind == JsonTypeInfoKind.Enumerable)
        {
            Require(path, key, value, value.ValueKind == JsonValueKind.Array ? null : "a list");
            foreach ((int i, JsonElement item) in value.EnumerateArray().Index())
            {
                RequireFit(path, $"{key}[{i}]", type.GetGenericArguments()[0], item);
            }
        }
        else if (info?.Kind == JsonTypeInfoKind.Object)
        {
            Require(path, key, value, value.ValueKind == JsonValueKind.Object ? null : "an object");
            RequireMembers(path, key, info.Properties, value);
        }
        else
        {
            Require(path, key, value, JsonKinds.ExpectedInstead(type, value));
        }
    }

    private static void RequireMembers(string path, string key, IList<JsonPropertyInfo> known, JsonElement value)
    {
        string before = key.Length == 0 ? "" : key + ".";
        foreach (JsonProperty member in value.EnumerateObject())
        {
            JsonPropertyInfo property = known.FirstOrDefault(one => one.Name == member.Name) ?? throw new CinnabarException(
                $"The recipe {path} has the unknown key \"{before}{member.Name}\".",
                $"Correct or remove it; the keys are {string.Join(", ", known.Select(one => one.Name))}.");
            if (member.Value.ValueKind == JsonValueKind.Null && property.IsRequired)
            {
                Require(path, before + member.Name, member.Value, "set");
            }
            else if (member.Value.ValueKind != JsonValueKind.Null || property.PropertyType.IsValueType)
            {
                RequireFit(path, before + member.Name, property.PropertyType, member.Value);
            }
        }

        if (known.FirstOrDefault(one => one.IsRequired && !value.TryGetProperty(one.Name, out _)) is { } missing)
        {
            throw new CinnabarException(
                $"The recipe {path} has no key \"{before}{missing.Name}\".", "Compare it with those in the folder recipes/.");
        }
    }

    private static void Require(string path, string key, JsonElement found, string? expected)
    {
        if (expected is null)
        {
            return;
        }

        string what = key.Length == 0 ? "it" : $"\"{key}\"";
        string shown = found.ValueKind is JsonValueKind.Object ? "an object"
            : found.ValueKind is JsonValueKind.Array ? "a list"
            : found.GetRawText();
        throw new CinnabarException(
            $"The recipe {path}: {what} should be {expected}, found {shown}.", "Compare it with those in the folder recipes/.");
    }

    private static CorpusSource ToSource(string root, CorpusRecipeFolder folder)
    {
        string path = Path.GetFullPath(Path.Combine(root, folder.Path));
        if (!Directory.Exists(path))
        {
            throw new CinnabarException(
                $"The recipe names the folder {folder.Path}, which is not in {root}.", "Give the root of the source tree.");
        }

        return new CorpusSource
        {
            Folder = path,
            Name = folder.Name ?? folder.Path,
            Licence = folder.Licence,
            Exclude = folder.Exclude ?? [],
            Patterns = folder.Patterns,
            Cut = folder.Cut,
            Repeat = folder.Repeat ?? 1,
            MaxBytes = folder.MaxBytes,
        };
    }
}

/// <summary>One folder of a recipe.</summary>
public sealed record CorpusRecipeFolder
{
    /// <summary>The path below the root, with '/'.</summary>
    public required string Path { get; init; }

    /// <summary>The licence (SPDX) of files that name none themselves.</summary>
    public required string Licence { get; init; }

    /// <summary>As <see cref="CorpusSource.Exclude"/>; null for none.</summary>
    public IReadOnlyList<string>? Exclude { get; init; }

    /// <summary>As <see cref="CorpusSource.Name"/>; null: the path.</summary>
    public string? Name { get; init; }

    /// <summary>As <see cref="CorpusSource.Patterns"/>.</summary>
    public IReadOnlyList<string>? Patterns { get; init; }

    /// <summary>As <see cref="CorpusSource.Cut"/>.</summary>
    public DocumentCut? Cut { get; init; }

    /// <summary>As <see cref="CorpusSource.Repeat"/>; null for 1.</summary>
    public int? Repeat { get; init; }

    /// <summary>As <see cref="CorpusSource.MaxBytes"/>.</summary>
    public long? MaxBytes { get; init; }
}
