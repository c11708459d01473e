using System.Security.Cryptography;
using Cinnabar.Checkpoints;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Corpora;

/// <summary>What all corpora are built with: a folder that appears when it is complete, and a tokenizer.</summary>
internal static class CorpusFolder
{
    // Begins what AtomicFolder adds to the name of a folder for the versions of it that stand beside it.
    private const string VersionSuffix = ".cinnabar-";

    /// <summary>Builds a corpus under another name; it takes its own when it is complete, in place of an older corpus.</summary>
    /// <param name="folder">The new folder.</param>
    /// <param name="build">Writes everything into the folder it is given.</param>
    /// <exception cref="CinnabarException">The folder holds something else than a corpus, or cannot be written.</exception>
    public static CorpusManifest Replace(string folder, Func<string, CorpusManifest> build)
    {
        folder = FullPath(folder);
        AtomicFolder.Recover(folder);
        RefuseForeignFiles(folder);
        using AtomicFolder next = AtomicFolder.Begin(folder);
        CorpusManifest manifest = build(next.NewFolder);
        RefuseForeignFiles(folder); // a build takes its time, and a file may have come meanwhile
        next.Commit();
        return manifest;
    }

    /// <summary>Whether a file is of a corpus: in its folder, or in a version beside it that is not complete or not yet removed.</summary>
    /// <param name="corpus">The corpus' folder, which need not exist.</param>
    /// <param name="file">The full path of the file.</param>
    public static bool Holds(string corpus, string file)
    {
        // Elsewhere the names of folders are usually the same in upper and lower case.
        StringComparison comparison = OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        corpus = FullPath(corpus);
        return file.StartsWith(corpus + Path.DirectorySeparatorChar, comparison) || file.StartsWith(corpus + VersionSuffix, comparison);
    }

    /// <summary>Reads the tokenizer at <paramref name="path"/> or, without a path, trains one on the texts.</summary>
    /// <exception cref="CinnabarException">The file cannot be read, has too many tokens, or the size is out of range.</exception>
    public static Tokenizer MakeTokenizer(
        IEnumerable<string> texts, string? path, int vocabularySize, int threads, IProgress<CorpusProgress>? progress)
    {
        if (path is null)
        {
            BpeTrainer trainer = new(new BpeTrainerOptions { VocabularySize = vocabularySize, Threads = threads });
            return trainer.Train(texts, new TrainingReport(progress, vocabularySize));
        }

        Tokenizer tokenizer = Tokenizer.Load(path);
        return tokenizer.VocabularySize <= 1 << 16 ? tokenizer : throw new CinnabarException(
            $"{path}: a corpus stores ids in 16 bits; expected at most {1 << 16} tokens, found {tokenizer.VocabularySize}.",
            "Use a smaller tokenizer, or train one.");
    }

    /// <summary>What <see cref="CorpusManifest.TokenizerSha256"/> says.</summary>
    public static string TokenizerHash(string folder) =>
        Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, CorpusFiles.Tokenizer))));

    // All that is in the folder is deleted once the new corpus has its place. Other programs have a manifest.json too.
    private static void RefuseForeignFiles(string folder)
    {
        if (File.Exists(folder))
        {
            throw new CinnabarException($"{folder}: expected a new or an empty folder, found a file.", "Name another folder.");
        }

        FileSystemInfo[] entries = EntriesOf(folder);
        bool hasManifest = entries.Any(entry => entry.Name == CorpusFiles.Manifest);
        FileSystemInfo? foreign = entries.FirstOrDefault(
            entry => !hasManifest || entry is not FileInfo || !CorpusFiles.IsCorpusFile(entry.Name));
        if (foreign is not null)
        {
            throw new CinnabarException(
                $"{folder}: expected a new or an empty folder or one that holds only a corpus, found '{foreign.Name}'.",
                "Name another folder, or move that file away.");
        }
    }

    private static FileSystemInfo[] EntriesOf(string folder)
    {
        try
        {
            DirectoryInfo info = new(folder);
            return info.Exists ? [.. info.EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal)] : [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"{folder}: expected a readable folder, found: {failure.Message}", "Check that this user may read it.", failure);
        }
    }

    private static string FullPath(string folder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    private sealed class TrainingReport(IProgress<CorpusProgress>? progress, int vocabularySize) : IProgress<int>
    {
        public void Report(int value) => progress?.Report(new CorpusProgress("training the tokenizer", value, vocabularySize));
    }
}
