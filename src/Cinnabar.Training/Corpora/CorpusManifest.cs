using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cinnabar.Checkpoints;

namespace Cinnabar.Training.Corpora;

/// <summary>What a corpus folder holds and how it came about.</summary>
public sealed record CorpusManifest
{
    /// <summary>The version of the layout that this program writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version of the layout.</summary>
    public required int Version { get; init; }

    /// <summary>V: every id is less.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>SHA-256 of tokenizer.json, hexadecimal.</summary>
    public required string TokenizerSha256 { get; init; }

    /// <summary>The splits "train", "validation", "test".</summary>
    public required SortedDictionary<string, CorpusSplit> Splits { get; init; }

    /// <summary>The sources, by name.</summary>
    public required SortedDictionary<string, CorpusSourceSummary> Sources { get; init; }

    /// <summary>Files that were left out, by reason.</summary>
    public required SortedDictionary<string, FileCount> Dropped { get; init; }

    /// <summary>
    /// Of these the documents of "validation" and "test" that mostly repeat the training text; null where nobody looked for them.
    /// </summary>
    public SortedDictionary<string, DocumentCount>? HeldOutRepeats { get; init; }

    /// <summary>Files that stayed, by licence.</summary>
    public required SortedDictionary<string, FileCount> Licences { get; init; }

    /// <summary>
    /// Whether its documents are examples, each with known and wanted tokens (<see cref="CorpusFiles.Wanted"/>); null: they are plain text.
    /// </summary>
    public bool? HasQuestions { get; init; }

    /// <summary>The options a corpus of plain text was built with; null for one of examples.</summary>
    public CorpusOptions? Options { get; init; }

    /// <summary>Reads manifest.json of a corpus folder; a build that was cut off while it replaced the folder is undone first.</summary>
    /// <exception cref="CinnabarException">It is missing or damaged.</exception>
    public static CorpusManifest Read(string folder)
    {
        if (folder.Length == 0 || folder.Contains('\0'))
        {
            throw new CinnabarException($"Expected the path of a corpus folder, found '{folder}'.", "Give the path of a folder.");
        }

        AtomicFolder.Recover(folder);
        string path = Path.Combine(folder, CorpusFiles.Manifest);
        if (!File.Exists(path))
        {
            throw new CinnabarException(
                $"{folder} is not a corpus: it has no {CorpusFiles.Manifest}.", "Build one with `cinnabar corpus`.");
        }

        try
        {
            CorpusManifest manifest = JsonSerializer.Deserialize(File.ReadAllBytes(path), CorpusJson.Default.CorpusManifest)
                ?? throw new JsonException("the file holds null");
            return manifest.Version == CurrentVersion ? manifest : throw new CinnabarException(
                $"{path}: expected version {CurrentVersion}, found {manifest.Version}.",
                "Build the corpus again with this version of the program.");
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new CinnabarException(
                $"{path} cannot be read: {failure.Message}", "Build the corpus again with `cinnabar corpus`.", failure);
        }
    }

    /// <summary>Checks that the tokenizer in the corpus folder is the one that made the ids.</summary>
    /// <param name="folder">The folder of this manifest.</param>
    /// <exception cref="CinnabarException">It is another one, or cannot be read.</exception>
    internal void RequireTokenizer(string folder)
    {
        string path = Path.Combine(folder, CorpusFiles.Tokenizer);
        string found;
        try
        {
            found = CorpusFolder.TokenizerHash(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException($"{path} cannot be read: {failure.Message}", "Build the corpus again.", failure);
        }

        if (found != TokenizerSha256)
        {
            throw new CinnabarException(
                $"{path} is not the one the corpus was built with: its SHA-256 is not that in {CorpusFiles.Manifest}.",
                "Build the corpus again with the tokenizer you want, or put the file back that was there.");
        }
    }

    /// <summary>Writes manifest.json.</summary>
    internal void Write(string folder)
    {
        JsonWriterOptions readable = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using FileStream stream = File.Create(Path.Combine(folder, CorpusFiles.Manifest));
        using Utf8JsonWriter json = new(stream, readable);
        JsonSerializer.Serialize(json, this, CorpusJson.Default.CorpusManifest);
    }
}

/// <summary>One split.</summary>
/// <param name="Documents">Documents; one that is repeated counts each time.</param>
/// <param name="Bytes">Bytes of their text (UTF-8).</param>
/// <param name="Tokens">Tokens, the begin and the end of each document included.</param>
/// <param name="Shards">Tokens of each shard file, in order.</param>
public sealed record CorpusSplit(int Documents, long Bytes, long Tokens, IReadOnlyList<long> Shards);

/// <summary>Files, or documents where files are cut, and their bytes.</summary>
/// <param name="Files">How many.</param>
/// <param name="Bytes">Their size: on disk for files that were left out, of the text for files that stayed.</param>
public sealed record FileCount(int Files, long Bytes);

/// <summary>Documents and their tokens.</summary>
/// <param name="Documents">How many.</param>
/// <param name="Tokens">Their tokens, the begin and the end of each document included.</param>
public sealed record DocumentCount(int Documents, long Tokens);

/// <summary>What became of one source.</summary>
/// <param name="Found">Files that fit the patterns, size on disk.</param>
/// <param name="Kept">Files that stayed, size of the text.</param>
/// <param name="Tokens">Tokens of the files that stayed, in all splits; those of a repeated document count each time.</param>
public sealed record CorpusSourceSummary(FileCount Found, FileCount Kept, long Tokens);

/// <summary>JSON of manifests and recipes: unknown, missing and repeated properties are errors.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(CorpusManifest))]
[JsonSerializable(typeof(CorpusRecipe))]
internal sealed partial class CorpusJson : JsonSerializerContext;
