using System.Buffers.Binary;

namespace Cinnabar.Training.Corpora;

/// <summary>The tokens of one split of a corpus, in memory (2 bytes each). Thread-safe.</summary>
public sealed class TokenDataset
{
    private const int MaxShardTokens = int.MaxValue / 4; // an array of ushort and the buffer it is read through
    private readonly ushort[][] _shards;
    private readonly long[] _shardStarts; // [shards + 1]
    private readonly long[] _documentStarts; // [documents + 1]
    private readonly byte[]? _wanted; // a bit a token

    private TokenDataset(int vocabularySize, ushort[][] shards, long[] shardStarts, long[] documentStarts, byte[]? wanted)
    {
        VocabularySize = vocabularySize;
        _shards = shards;
        _shardStarts = shardStarts;
        _documentStarts = documentStarts;
        _wanted = wanted;
    }

    /// <summary>V: every id is less.</summary>
    public int VocabularySize { get; }

    /// <summary>Tokens, the begin and the end of each document included.</summary>
    public long TokenCount => _shardStarts[^1];

    /// <summary>Documents.</summary>
    public int DocumentCount => _documentStarts.Length - 1;

    /// <summary>Whether the documents are examples with known and wanted tokens.</summary>
    public bool HasQuestions => _wanted is not null;

    /// <summary>Reads a split and checks all of it.</summary>
    /// <param name="folder">A corpus folder.</param>
    /// <param name="split">"train", "validation" or "test".</param>
    /// <exception cref="CinnabarException">The folder is not a complete corpus, or its tokenizer is another one.</exception>
    public static TokenDataset Open(string folder, string split)
    {
        CorpusManifest manifest = CorpusManifest.Read(folder);
        if (!CorpusFiles.Splits.Contains(split) || !manifest.Splits.TryGetValue(split, out CorpusSplit? counts))
        {
            throw new CinnabarException(
                $"The corpus {folder} has no split '{split}'; it has {string.Join(", ", manifest.Splits.Keys)}.", "Name one of them.");
        }

        if (manifest.VocabularySize is < 1 or > 1 << 16)
        {
            throw Damaged(Path.Combine(folder, CorpusFiles.Manifest), "a vocabulary of 1 … 65536 tokens", $"{manifest.VocabularySize}");
        }

        manifest.RequireTokenizer(folder); // ids would mean other tokens
        long[] shardStarts = new long[counts.Shards.Count + 1];
        ushort[][] shards = new ushort[counts.Shards.Count][];
        for (int shard = 0; shard < shards.Length; shard++)
        {
            string path = Path.Combine(folder, CorpusFiles.Tokens(split, shard));
            shards[shard] = ReadTokens(path, counts.Shards[shard], manifest.VocabularySize);
            shardStarts[shard + 1] = shardStarts[shard] + shards[shard].Length;
        }

        if (shardStarts[^1] != counts.Tokens)
        {
            throw Damaged(Path.Combine(folder, CorpusFiles.Manifest), $"shards of {counts.Tokens} tokens together", $"{shardStarts[^1]}");
        }

        string documents = Path.Combine(folder, CorpusFiles.Documents(split));
        byte[]? wanted = manifest.HasQuestions == true
            ? ReadAll(Path.Combine(folder, CorpusFiles.Wanted(split)), (counts.Tokens + 7) / 8, itemBytes: 1)
            : null;
        return new TokenDataset(manifest.VocabularySize, shards, shardStarts, ReadDocuments(documents, counts), wanted);
    }

    /// <summary>A split made of the given tokens, one document.</summary>
    public static TokenDataset FromTokens(ReadOnlySpan<ushort> tokens, int vocabularySize) =>
        new(vocabularySize, [tokens.ToArray()], [0, tokens.Length], [0, tokens.Length], wanted: null);

    /// <summary>Copies tokens that follow each other, across documents.</summary>
    /// <param name="start">Index of the first, from 0.</param>
    /// <param name="destination">As many as are read.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the split.</exception>
    public void Read(long start, Span<int> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, TokenCount - destination.Length);
        int shard = Array.BinarySearch(_shardStarts, start);
        shard = shard < 0 ? ~shard - 1 : shard;
        while (!destination.IsEmpty)
        {
            ReadOnlySpan<ushort> tokens = _shards[shard].AsSpan((int)(start - _shardStarts[shard]));
            int count = Math.Min(tokens.Length, destination.Length);
            for (int i = 0; i < count; i++)
            {
                destination[i] = tokens[i];
            }

            destination = destination[count..];
            start += count;
            shard++;
        }
    }

    /// <summary>Windows spread evenly over the split, across documents, always the same ones.</summary>
    /// <param name="length">Tokens of each; cut to those that there are.</param>
    /// <param name="count">The most windows, at least 1; fewer if they would overlap.</param>
    public List<int[]> Windows(int length, int count)
    {
        length = (int)Math.Min(length, TokenCount);
        long stride = Math.Max(length, (TokenCount - length) / Math.Max(1, count - 1));
        List<int[]> windows = [];
        for (long start = 0; length > 0 && start + length <= TokenCount && windows.Count < count; start += stride)
        {
            int[] window = new int[length];
            Read(start, window);
            windows.Add(window);
        }

        return windows;
    }

    /// <summary>The tokens of one document: begin, text, end.</summary>
    /// <param name="index">From 0 to <see cref="DocumentCount"/> − 1.</param>
    public int[] Document(int index)
    {
        int[] tokens = new int[_documentStarts[index + 1] - _documentStarts[index]];
        Read(_documentStarts[index], tokens);
        return tokens;
    }

    /// <summary>Which tokens of one document a network is to say; all of them where the documents are plain text.</summary>
    /// <param name="index">From 0 to <see cref="DocumentCount"/> − 1.</param>
    public bool[] Wanted(int index)
    {
        long start = _documentStarts[index];
        bool[] wanted = new bool[_documentStarts[index + 1] - start];
        for (int i = 0; i < wanted.Length; i++)
        {
            wanted[i] = _wanted is null || (_wanted[(start + i) / 8] >> (int)((start + i) % 8) & 1) == 1;
        }

        return wanted;
    }

    /// <summary>The index of the first token of a document.</summary>
    /// <param name="index">From 0 to <see cref="DocumentCount"/> (there it is <see cref="TokenCount"/>).</param>
    public long DocumentStart(int index) => _documentStarts[index];

    private static ushort[] ReadTokens(string path, long count, int vocabularySize)
    {
        byte[] bytes = ReadAll(path, count, sizeof(ushort));
        ushort[] tokens = new ushort[count];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(i * sizeof(ushort)));
            if (tokens[i] >= vocabularySize)
            {
                throw Damaged($"{path}, token {i}", $"an id less than {vocabularySize}", $"{tokens[i]}");
            }
        }

        return tokens;
    }

    private static long[] ReadDocuments(string path, CorpusSplit counts)
    {
        byte[] bytes = ReadAll(path, counts.Documents, sizeof(long));
        long[] starts = new long[counts.Documents + 1];
        for (int i = 0; i < counts.Documents; i++)
        {
            starts[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * sizeof(long)));
            if (i == 0 ? starts[i] != 0 : starts[i] <= starts[i - 1] || starts[i] >= counts.Tokens)
            {
                throw Damaged($"{path}, document {i}", $"starts that rise from 0 to less than {counts.Tokens}", $"{starts[i]}");
            }
        }

        starts[^1] = counts.Tokens;
        return starts;
    }

    private static byte[] ReadAll(string path, long count, int itemBytes)
    {
        try
        {
            FileInfo file = new(path);
            long length = file.Exists ? file.Length : throw Damaged(path, "a file", "none");
            if (count is < 0 or > MaxShardTokens || length != count * itemBytes)
            {
                throw Damaged(path, $"{count} × {itemBytes} bytes, as {CorpusFiles.Manifest} says", $"{length} bytes");
            }

            return File.ReadAllBytes(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException($"{path} cannot be read: {failure.Message}", "Check your rights to it.", failure);
        }
    }

    private static CinnabarException Damaged(string where, string expected, string found)
    {
        return new CinnabarException(
            $"{where}: expected {expected}, found {found}.", "The corpus is damaged: build it again with `cinnabar corpus`.");
    }
}
