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

    // A file name may hold a line break.
    internal static void WriteLines(string path, IEnumerable<string> lines)
    {
        File.WriteAllText(path, string.Concat(lines.Select(line => line.ReplaceLineEndings(" ") + "\n")));
    }
}
