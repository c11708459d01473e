using System.Buffers.Binary;

namespace Cinnabar.Training.Corpora;

/// <summary>Writes the documents of one split. A document is never cut between two shards.</summary>
internal sealed class TokenShardWriter : IDisposable
{
    private readonly string _folder;
    private readonly string _split;
    private readonly long _maxShardTokens;
    private readonly List<long> _shards = [];
    private readonly FileStream _documents;
    private FileStream? _tokens;

    /// <summary>Begins a split.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="split">The name of the split.</param>
    /// <param name="maxShardTokens">A shard with more holds a single document.</param>
    public TokenShardWriter(string folder, string split, long maxShardTokens)
    {
        _folder = folder;
        _split = split;
        _maxShardTokens = maxShardTokens;
        _documents = File.Create(Path.Combine(folder, CorpusFiles.Documents(split)));
    }

    /// <summary>Tokens of each shard so far.</summary>
    public IReadOnlyList<long> Shards => _shards;

    /// <summary>Tokens so far.</summary>
    public long TokenCount { get; private set; }

    /// <summary>Writes one document.</summary>
    /// <param name="ids">Each less than 65,536.</param>
    public void Write(ReadOnlySpan<int> ids)
    {
        if (_tokens is null || _shards[^1] + ids.Length > _maxShardTokens)
        {
            _tokens?.Dispose();
            _tokens = File.Create(Path.Combine(_folder, CorpusFiles.Tokens(_split, _shards.Count)), 1 << 16);
            _shards.Add(0);
        }

        Span<byte> start = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(start, TokenCount);
        _documents.Write(start);
        byte[] bytes = new byte[ids.Length * sizeof(ushort)];
        for (int i = 0; i < ids.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i * sizeof(ushort)), checked((ushort)ids[i]));
        }

        _tokens.Write(bytes);
        _shards[^1] += ids.Length;
        TokenCount += ids.Length;
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        _tokens?.Dispose();
        _documents.Dispose();
    }
}
