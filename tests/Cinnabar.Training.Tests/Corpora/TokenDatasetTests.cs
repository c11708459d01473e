using System.Buffers.Binary;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class TokenDatasetTests : IDisposable
{
    private readonly SourceFolder _folder = new();

    public TokenDatasetTests()
    {
        _folder.WriteMany(12);
        new CorpusBuilder(_folder.Options).Build(_folder.Corpus);
    }

    private string Manifest => Path.Combine(_folder.Corpus, CorpusFiles.Manifest);

    private string TokenizerFile => Path.Combine(_folder.Corpus, CorpusFiles.Tokenizer);

    private string Tokens => Path.Combine(_folder.Corpus, CorpusFiles.Tokens("train", 0));

    private string Documents => Path.Combine(_folder.Corpus, CorpusFiles.Documents("train"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_AnyRange_IsPartOfTheDocuments()
    {
        TokenDataset dataset = TokenDataset.Open(_folder.Corpus, "train");
        int[] all = [.. Enumerable.Range(0, dataset.DocumentCount).SelectMany(dataset.Document)];
        Assert.Equal(dataset.TokenCount, all.Length);
        Assert.Equal(dataset.TokenCount, dataset.DocumentStart(dataset.DocumentCount));
        foreach (int start in (int[])[0, 1, 37, all.Length - 20])
        {
            int[] read = new int[20];
            dataset.Read(start, read);
            Assert.Equal(all[start..(start + 20)], read);
        }

        dataset.Read(dataset.TokenCount, []);
    }

    [Fact]
    public void Read_AcrossShards_IsTheSameAsFromOne()
    {
        TokenDataset one = TokenDataset.Open(_folder.Corpus, "train");
        int[] all = new int[one.TokenCount];
        one.Read(0, all);
        IReadOnlyList<long> shards;
        using (TokenShardWriter writer = new(_folder.Corpus, "train", maxShardTokens: one.TokenCount / 3))
        {
            for (int i = 0; i < one.DocumentCount; i++)
            {
                writer.Write(one.Document(i));
            }

            shards = writer.Shards;
        }

        Assert.InRange(shards.Count, 3, one.DocumentCount);
        CorpusManifest manifest = CorpusManifest.Read(_folder.Corpus);
        manifest.Splits["train"] = manifest.Splits["train"] with { Shards = shards };
        manifest.Write(_folder.Corpus);
        TokenDataset many = TokenDataset.Open(_folder.Corpus, "train");
        int[] read = new int[all.Length - 2];
        many.Read(1, read);
        Assert.Equal(all[1..^1], read);
        many.Read(shards[0], read.AsSpan(0, 5)); // the first token of a shard
        Assert.Equal(all.AsSpan((int)shards[0], 5), read.AsSpan(0, 5));
        Assert.Equal(one.Document(one.DocumentCount - 1), many.Document(one.DocumentCount - 1));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 1_000_000)]
    [InlineData(long.MaxValue, 1)]
    public void Read_OutsideOfTheSplit_Throws(long start, int count)
    {
        TokenDataset dataset = TokenDataset.Open(_folder.Corpus, "train");
        Assert.Throws<ArgumentOutOfRangeException>(() => dataset.Read(start, new int[count]));
    }

    [Fact]
    public void Open_UnknownSplit_NamesThoseThereAre()
    {
        Assert.Contains("test, train, validation", Fails("../train"));
    }

    [Fact]
    public void Open_NoManifest_Throws()
    {
        File.Delete(Manifest);
        Assert.Contains("not a corpus", Fails());
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "version 1")]
    [InlineData("\"version\": 1", "\"version\": 1, \"version\": 1", "version")]
    [InlineData("\"version\": 1", "\"other\": 1", "other")]
    [InlineData("\"vocabularySize\": 300", "\"vocabularySize\": 0", "vocabulary")]
    [InlineData("\"vocabularySize\": 300", "\"vocabularySize\": 70000", "vocabulary")]
    [InlineData("\"vocabularySize\": 300", "\"vocabularySize\": 250", "an id less than 250")]
    [InlineData("\"vocabularySize\": 300", "\"vocabularySize\": \"300\"", "vocabularySize")]
    [InlineData("\"train\": {", "\"Train\": {", "no split 'train'")]
    [InlineData("\"splits\": {", "\"splits\": null, \"x\": {", "splits")]
    public void Open_ManifestChanged_SaysWhat(string find, string replace, string expected)
    {
        string good = File.ReadAllText(Manifest);
        Assert.Contains(find, good);
        int at = good.IndexOf(find, StringComparison.Ordinal);
        File.WriteAllText(Manifest, good[..at] + replace + good[(at + find.Length)..]);
        Assert.Contains(expected, Fails());
    }

    [Fact]
    public void Open_ManifestCutAnywhere_Throws()
    {
        string good = File.ReadAllText(Manifest);
        for (int length = 0; length < good.Length - 1; length += 53)
        {
            File.WriteAllText(Manifest, good[..length]);
            Fails();
        }
    }

    [Fact]
    public void Open_OtherTokenizer_IsRefused()
    {
        File.AppendAllText(TokenizerFile, "\n");
        Assert.Contains("tokenizer.json is not the one the corpus was built with", Fails());
    }

    [Fact]
    public void Open_TokenizerMissing_SaysSo()
    {
        File.Delete(TokenizerFile);
        Assert.Contains("tokenizer.json cannot be read", Fails());
    }

    [Fact]
    public void Open_ShardMissing_SaysWhich()
    {
        File.Delete(Tokens);
        Assert.Contains("train-00000.tokens", Fails());
    }

    [Fact]
    public void Open_ShardOfOtherSize_Throws()
    {
        File.AppendAllText(Tokens, "x");
        Assert.Contains("train-00000.tokens", Fails());
    }

    [Fact]
    public void Open_IdOutOfTheVocabulary_SaysWhere()
    {
        byte[] bytes = File.ReadAllBytes(Tokens);
        (bytes[14], bytes[15]) = (0xFF, 0xFF);
        File.WriteAllBytes(Tokens, bytes);
        Assert.Contains("token 7: expected an id less than 300, found 65535", Fails());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1, -5)]
    [InlineData(1, long.MaxValue)]
    public void Open_DocumentStartsOutOfOrder_SaysWhere(int document, long start)
    {
        byte[] bytes = File.ReadAllBytes(Documents);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(document * sizeof(long)), start);
        File.WriteAllBytes(Documents, bytes);
        Assert.Contains($"document {document}: expected starts that rise", Fails());
    }

    private string Fails(string split = "train")
    {
        return Assert.Throws<CinnabarException>(() => TokenDataset.Open(_folder.Corpus, split)).Message;
    }
}
