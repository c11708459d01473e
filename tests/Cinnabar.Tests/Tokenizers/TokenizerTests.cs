using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class TokenizerTests
{
    private readonly Tokenizer _tokenizer = Tokenizer.Load(TokenizerData.SmallPath);

    [Fact]
    public void Decode_EncodedJumble_GivesTheTextBack()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            string text = TokenizerData.Jumble(seed, seed);
            int[] ids = _tokenizer.Encode(text);
            Assert.Equal(text, _tokenizer.Decode(ids));
            Assert.Equal(Encoding.UTF8.GetByteCount(text), ids.Sum(_tokenizer.ByteLength));
        }
    }

    [Fact]
    public void Encode_Pieces_GivesTheDefinitionOfBpe()
    {
        string[] merged = ["aaaaaaa", "return", " ThrowsArgumentNullException", new('/', 200), new(' ', 77), "\n" + new string(' ', 90)];
        IEnumerable<string> random = Enumerable.Range(0, 120).Select(seed => RandomLetters(seed, 1 + (seed % 90)));
        foreach (string text in merged.Concat(random))
        {
            Assert.Equal(NaiveBpe(_tokenizer, text), _tokenizer.Encode(text));
            Assert.Equal(NaiveBpe(_tokenizer, text), _tokenizer.Encode(text)); // now from the cache
        }
    }

    [Fact]
    public void Encode_UnpairedSurrogate_BecomesReplacementCharacter()
    {
        Assert.Equal("a\uFFFDb\uFFFD", _tokenizer.Decode(_tokenizer.Encode("a\uD800b\uDC00")));
    }

    [Fact]
    public void Encode_SpecialTokenSpelledInText_IsText()
    {
        int[] ids = _tokenizer.Encode("a<|mask|>b");
        Assert.DoesNotContain(_tokenizer.MaskTokenId, ids);
        Assert.Equal("a<|mask|>b", _tokenizer.Decode(ids));
    }

    [Fact]
    public void Encode_ParseSpecialTokens_GivesTheTokens()
    {
        int[] ids = _tokenizer.Encode("a<|mask|>b<|endoftext|>", parseSpecialTokens: true);
        Assert.Equal([.. _tokenizer.Encode("a"), _tokenizer.MaskTokenId, .. _tokenizer.Encode("b"), _tokenizer.EndOfTextTokenId], ids);
        Assert.Equal("ab", _tokenizer.Decode(ids));
        Assert.Equal("a<|mask|>b<|endoftext|>", _tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void FirstDifference_OtherTokens_IsTheFirstIdThatMeansAnother()
    {
        string text = File.ReadAllText(TokenizerData.SmallPath);
        Assert.Null(_tokenizer.FirstDifference(FromText(text + "\n")));

        JsonNode swapped = JsonNode.Parse(text)!;
        JsonObject vocabulary = swapped["model"]!["vocab"]!.AsObject();
        (string first, string second) = (NameOf(100), NameOf(101));
        (vocabulary[first], vocabulary[second]) = (101, 100);
        Assert.Equal(100, _tokenizer.FirstDifference(FromText(swapped.ToJsonString())));

        JsonNode longer = JsonNode.Parse(text)!;
        longer["model"]!["vocab"]![new string('q', 99)] = _tokenizer.VocabularySize;
        Assert.Equal(_tokenizer.VocabularySize, _tokenizer.FirstDifference(FromText(longer.ToJsonString())));

        string NameOf(int id) => vocabulary.First(token => (int)token.Value! == id).Key;

        static Tokenizer FromText(string json)
        {
            string path = Path.GetTempFileName();
            File.WriteAllText(path, json);
            var tokenizer = Tokenizer.Load(path);
            File.Delete(path);
            return tokenizer;
        }
    }

    [Fact]
    public void SpecialIds_OwnTokenizer_AreTheFirstFour()
    {
        int[] ids = [_tokenizer.MaskTokenId, _tokenizer.EndOfTextTokenId, _tokenizer.PaddingTokenId, _tokenizer.BeginOfTextTokenId];
        Assert.Equal([0, 1, 2, 3], ids);
        Assert.All(ids, id => Assert.Equal(0, _tokenizer.ByteLength(id)));
        Assert.All(ids, id => Assert.True(_tokenizer.IsSpecial(id)));
        Assert.Equal(SpecialTokens.All, ids.Select(_tokenizer.TokenText));
        Assert.Equal(ids, SpecialTokens.All.Select(name => _tokenizer.TokenToId(name)!.Value));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("/")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("=>;")]
    [InlineData("qzjxkv")]
    [InlineData("<|mask|>")]
    [InlineData("<|endoftext")]
    public void Encode_MillionCharactersWithoutEnd_TakesLinearTime(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, (1 << 20) / part.Length));
        Stopwatch watch = Stopwatch.StartNew();
        int[] ids = _tokenizer.Encode(text, parseSpecialTokens: true);

        // Under half a second when the machine is free; a quadratic encoder needs many minutes.
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
        Assert.Equal(text, _tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_ManyThreads_GivesTheSameIds()
    {
        string[] texts = [.. Enumerable.Range(0, 64).Select(seed => TokenizerData.Jumble(seed, 200))];
        int[][] expected = [.. texts.Select(_tokenizer.Encode)];
        ParallelOptions eight = new() { MaxDegreeOfParallelism = 8 };
        Parallel.For(0, 512, eight, i => Assert.Equal(expected[i % 64], _tokenizer.Encode(texts[i % 64])));
    }

    [Fact]
    public void TokenText_ControlAndPartialBytes_AreEscaped()
    {
        Assert.Equal(@"\n", _tokenizer.TokenText(_tokenizer.Encode("\n")[0]));
        Assert.Equal(@"\t", _tokenizer.TokenText(_tokenizer.Encode("\t")[0]));
        Assert.Equal(@"\x00", _tokenizer.TokenText(_tokenizer.Encode("\0")[0]));
        Assert.Equal(@"\xF0", TokenizerData.BytesOnly.TokenText(TokenizerData.BytesOnly.Encode("😀")[0]));
        Assert.Equal(" a", _tokenizer.TokenText(_tokenizer.TokenToId(" a")!.Value));
        Assert.Null(_tokenizer.TokenToId("no such token"));
        Assert.Null(_tokenizer.TokenToId(""));
    }

    [Fact]
    public void Decode_PartOfACharacter_KeepsItsBytes()
    {
        int[] ids = TokenizerData.BytesOnly.Encode("é");
        Assert.Equal([0xC3], TokenizerData.BytesOnly.DecodeBytes(ids.AsSpan(0, 1)));
        Assert.Equal("\uFFFD", TokenizerData.BytesOnly.Decode(ids.AsSpan(0, 1)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(640)]
    public void Decode_IdOutOfRange_Throws(int id)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokenizer.Decode([id]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokenizer.ByteLength(id));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tokenizer.TokenText(id));
    }

    // The definition, word for word: the best merge of the whole piece, again and again.
    private static int[] NaiveBpe(Tokenizer tokenizer, string text)
    {
        TokenizerDefinition definition = tokenizer.Definition;
        Merge[] merges = ((Bpe)definition.Model).Merges;
        int[] idOfByte = ((ByteSymbols)((Bpe)definition.Model).Symbols).IdOfByte;
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        List<int> output = [];
        for (int start = 0; start < utf8.Length;)
        {
            int end = definition.PreTokenizers[0].PieceEnd(utf8, start, out _);
            List<int> ids = [.. utf8[start..end].Select(b => idOfByte[b])];
            while (true)
            {
                (int rank, int place) = Enumerable.Range(0, Math.Max(0, ids.Count - 1))
                    .Select(i => (Array.FindIndex(merges, merge => merge.Left == ids[i] && merge.Right == ids[i + 1]), i))
                    .Where(found => found.Item1 >= 0)
                    .DefaultIfEmpty((-1, -1))
                    .Min();
                if (rank < 0)
                {
                    break;
                }

                ids[place] = merges[rank].Merged;
                ids.RemoveAt(place + 1);
            }

            output.AddRange(ids);
            start = end;
        }

        return [.. output];
    }

    private static string RandomLetters(int seed, int count)
    {
        Random random = new(seed);
        return string.Concat(Enumerable.Range(0, count).Select(_ => "etaoinsr /-="[random.Next(12)]));
    }
}
