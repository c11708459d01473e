// Examples of a task → a corpus folder whose documents are the examples.
//
//   [begin] part part … [end]         a part is known or wanted; the begin is known, the end, where there is one, wanted
//
// An example whose text ends where the answer does has the end-of-text token behind it, so that a network learns to end. One of fixed
// shape (a puzzle) has none. Every part becomes tokens by itself, as in use: the first begins a text, the others go on. Examples longer
// than the limit are left out and counted.
using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Corpora;

/// <summary>An example: known and wanted pieces of text.</summary>
/// <param name="Parts">The pieces, in order.</param>
/// <param name="EndsText">Whether the network is to end the text behind them.</param>
public sealed record ExampleDocument(IReadOnlyList<ExamplePart> Parts, bool EndsText);

/// <summary>How to build a corpus of examples.</summary>
public sealed record ExampleCorpusOptions
{
    /// <summary>Name of the task, for the manifest.</summary>
    public required string Name { get; init; }

    /// <summary>tokenizer.json to use; null: one is trained on the examples.</summary>
    public string? TokenizerPath { get; init; }

    /// <summary>Tokens of a trained tokenizer; 260 are the special tokens and the bytes. Default 260.</summary>
    public int VocabularySize { get; init; } = BpeTrainer.SmallestVocabulary;

    /// <summary>Longest example in tokens. Default 512.</summary>
    public int MaxTokens { get; init; } = 512;

    /// <summary>Threads of the tokenizer's training. Default: all cores.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>Builds corpora of examples.</summary>
public static class ExampleCorpus
{
    private const long MaxShardTokens = 64L << 20;
    private const int ReportEvery = 10_000;

    /// <summary>Builds the corpus.</summary>
    /// <param name="folder">The new folder; a corpus that is already there is replaced once the new one is complete.</param>
    /// <param name="options">Name, tokenizer and limits.</param>
    /// <param name="examples">Gives the examples of a split, "train", "validation" or "test", each time it is asked.</param>
    /// <param name="progress">Told how far it is, or null.</param>
    /// <exception cref="CinnabarException">No example fits, or the folder holds something else than a corpus.</exception>
    public static CorpusManifest Build(
        string folder,
        ExampleCorpusOptions options,
        Func<string, IEnumerable<ExampleDocument>> examples,
        IProgress<CorpusProgress>? progress = null) => CorpusFolder.Replace(folder, partial =>
    {
        bool learnsMerges = options.TokenizerPath is null && options.VocabularySize > BpeTrainer.SmallestVocabulary;
        IEnumerable<string> texts = learnsMerges
            ? examples("train").Select(example => string.Concat(example.Parts.Select(part => part.Text)))
            : [];
        Tokenizer tokenizer = CorpusFolder.MakeTokenizer(
            texts, options.TokenizerPath, options.VocabularySize, options.Threads, progress);
        tokenizer.Save(Path.Combine(partial, CorpusFiles.Tokenizer));
        SortedDictionary<string, CorpusSplit> splits = [];
        (int Files, long Bytes) dropped = (0, 0);
        foreach (string split in CorpusFiles.Splits)
        {
            (splits[split], FileCount tooLong) = Write(partial, split, examples(split), tokenizer, options.MaxTokens, progress);
            dropped = (dropped.Files + tooLong.Files, dropped.Bytes + tooLong.Bytes);
        }

        if (splits["train"].Documents == 0)
        {
            throw new CinnabarException(
                $"No example of the task {options.Name} is left for training: {dropped.Files} are longer than {options.MaxTokens} tokens.",
                "Raise --max-tokens, or give other data.");
        }

        FileCount kept = new(splits.Values.Sum(split => split.Documents), splits.Values.Sum(split => split.Bytes));
        CorpusManifest manifest = new()
        {
            Version = CorpusManifest.CurrentVersion,
            VocabularySize = tokenizer.VocabularySize,
            TokenizerSha256 = CorpusFolder.TokenizerHash(partial),
            Splits = splits,
            Sources = new()
            {
                [options.Name] = new CorpusSourceSummary(
                    new FileCount(kept.Files + dropped.Files, kept.Bytes + dropped.Bytes), kept, splits.Values.Sum(split => split.Tokens)),
            },
            Dropped = dropped.Files == 0 ? [] : new() { ["too long"] = new FileCount(dropped.Files, dropped.Bytes) },
            Licences = [],
            HasQuestions = true,
        };
        manifest.Write(partial);
        return manifest;
    });

    private static (CorpusSplit Split, FileCount TooLong) Write(
        string folder,
        string split,
        IEnumerable<ExampleDocument> examples,
        Tokenizer tokenizer,
        int maxTokens,
        IProgress<CorpusProgress>? progress)
    {
        using TokenShardWriter writer = new(folder, split, MaxShardTokens);
        using BitWriter wanted = new(Path.Combine(folder, CorpusFiles.Wanted(split)));
        (int written, long bytes) = (0, 0);
        (int dropped, long droppedBytes) = (0, 0);
        foreach (ExampleDocument example in examples)
        {
            int size = example.Parts.Sum(part => Encoding.UTF8.GetByteCount(part.Text));
            (List<int> ids, List<bool> isWanted) = Encode(example, tokenizer);
            if (ids.Count > maxTokens)
            {
                (dropped, droppedBytes) = (dropped + 1, droppedBytes + size);
                continue;
            }

            writer.Write([.. ids]);
            wanted.Write(isWanted);
            (written, bytes) = (written + 1, bytes + size);
            if (written % ReportEvery == 0)
            {
                progress?.Report(new CorpusProgress($"writing {split}", written, written));
            }
        }

        return (new CorpusSplit(written, bytes, writer.TokenCount, [.. writer.Shards]), new FileCount(dropped, droppedBytes));
    }

    private static (List<int> Ids, List<bool> Wanted) Encode(ExampleDocument example, Tokenizer tokenizer)
    {
        List<int> ids = [tokenizer.BeginOfTextTokenId];
        List<bool> wanted = [false];
        foreach (ExamplePart part in example.Parts)
        {
            int[] tokens = ids.Count == 1 ? tokenizer.Encode(part.Text) : tokenizer.EncodeBehind(part.Text);
            ids.AddRange(tokens);
            wanted.AddRange(Enumerable.Repeat(part.IsWanted, tokens.Length));
        }

        if (example.EndsText)
        {
            ids.Add(tokenizer.EndOfTextTokenId);
            wanted.Add(true);
        }

        return (ids, wanted);
    }

    private sealed class BitWriter(string path) : IDisposable
    {
        private readonly FileStream _stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        private int _bits;
        private int _count;

        public void Write(IEnumerable<bool> bits)
        {
            foreach (bool bit in bits)
            {
                _bits |= (bit ? 1 : 0) << _count;
                if (++_count == 8)
                {
                    Flush();
                }
            }
        }

        public void Dispose()
        {
            if (_count > 0)
            {
                Flush();
            }

            _stream.Dispose();
        }

        private void Flush()
        {
            _stream.WriteByte((byte)_bits);
            (_bits, _count) = (0, 0);
        }
    }
}
