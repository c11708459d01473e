using System.Globalization;

namespace Cinnabar.Training.Corpora;

/// <summary>The names of the files in a corpus folder.</summary>
public static class CorpusFiles
{
    /// <summary>What is in the folder (<see cref="CorpusManifest"/>).</summary>
    public const string Manifest = "manifest.json";

    /// <summary>The tokenizer.</summary>
    public const string Tokenizer = "tokenizer.json";

    /// <summary>The files that were left out: reason, tab, path.</summary>
    public const string Dropped = "dropped.txt";

    /// <summary>The three splits.</summary>
    public static IReadOnlyList<string> Splits { get; } = ["train", "validation", "test"];

    /// <summary>A shard: token ids as little-endian 16-bit numbers, whole documents, one after the other.</summary>
    public static string Tokens(string split, int shard) => $"{split}-{shard:D5}.tokens";

    /// <summary>The index of the first token of every document of a split, over all its shards: little-endian 64-bit numbers.</summary>
    public static string Documents(string split) => $"{split}.documents";

    /// <summary>
    /// In a corpus of examples: a bit for each token of a split, over all its shards, lowest bit first; set: a network is to say it.
    /// </summary>
    public static string Wanted(string split) => $"{split}.wanted";

    /// <summary>The paths of the documents of a split, one a line, in their order.</summary>
    public static string Paths(string split) => $"{split}.paths.txt";

    /// <summary>Whether a file of this name may be in a corpus folder.</summary>
    internal static bool IsCorpusFile(string name) => name is Manifest or Tokenizer or Dropped
        || Splits.Any(split => name == Documents(split) || name == Wanted(split) || name == Paths(split) || IsTokens(split, name));

    private static bool IsTokens(string split, string name)
    {
        (string start, string end) = ($"{split}-", ".tokens");
        return name.StartsWith(start, StringComparison.Ordinal)
            && name.EndsWith(end, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(start.Length..^end.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int shard)
            && name == Tokens(split, shard);
    }

    // A file name may hold a line break.
    internal static void WriteLines(string path, IEnumerable<string> lines)
    {
        File.WriteAllText(path, string.Concat(lines.Select(line => line.ReplaceLineEndings(" ") + "\n")));
    }
}
