using System.Security.Cryptography;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Corpora;

/// <summary>What all corpora are built with: a folder that appears when it is complete, and a tokenizer.</summary>
internal static class CorpusFolder
{
    /// <summary>Builds a corpus under another name; it takes its own when it is complete, in place of an older corpus.</summary>
    /// <param name="folder">The new folder.</param>
    /// <param name="build">Writes everything into the folder it is given.</param>
    /// <exception cref="CinnabarException">The folder holds something else than a corpus.</exception>
    public static CorpusManifest Replace(string folder, Func<string, CorpusManifest> build)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        bool occupied = Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();
        if (occupied && !File.Exists(Path.Combine(folder, CorpusFiles.Manifest)))
        {
            throw new CinnabarException($"{folder} holds files that are not a corpus.", "Name a new or an empty folder.");
        }

        string id = Guid.NewGuid().ToString("N");
        (string partial, string old) = ($"{folder}.{id}.partial", $"{folder}.{id}.old");
        Directory.CreateDirectory(partial);
        try
        {
            CorpusManifest manifest = build(partial);

            // The old corpus is there until the new one is: a move is done at once, a deletion takes its time.
            bool replaces = Directory.Exists(folder);
            if (replaces)
            {
                Directory.Move(folder, old);
            }

            try
            {
                Directory.Move(partial, folder);
            }
            catch when (replaces)
            {
                Directory.Move(old, folder);
                throw;
            }

            if (replaces)
            {
                Directory.Delete(old, recursive: true);
            }

            return manifest;
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
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

    private sealed class TrainingReport(IProgress<CorpusProgress>? progress, int vocabularySize) : IProgress<int>
    {
        public void Report(int value) => progress?.Report(new CorpusProgress("training the tokenizer", value, vocabularySize));
    }
}
