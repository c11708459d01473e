using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class BpeTrainerTests
{
    private static readonly string[] s_texts =
        ["aaaa aaaaa aaa", "abababab abab", "the cat the hat", .. Enumerable.Range(0, 40).Select(seed => TokenizerData.Jumble(seed, 60))];

    [Fact]
    public void Train_SmallTexts_LearnsTheMergesOfTheDefinition()
    {
        Tokenizer tokenizer = Train(s_texts, 320, threads: 1);
        Assert.Equal(NaiveMerges(s_texts, 320), Merges(tokenizer).Select(merge => (merge.Left, merge.Right)));
    }

    [Fact]
    public void Train_AnyNumberOfThreadsAndOrder_LearnsTheSame()
    {
        Tokenizer expected = Train(s_texts, 400, threads: 1);
        Assert.Equal(Merges(expected), Merges(Train(s_texts, 400, threads: 4)));
        Assert.Equal(Merges(expected), Merges(Train(s_texts.Reverse(), 400, threads: 3)));
    }

    [Fact]
    public void Train_EveryToken_CanComeOutOfTheEncoder()
    {
        Tokenizer tokenizer = Train(s_texts, 400, threads: 2);
        for (int id = 4; id < tokenizer.VocabularySize; id++)
        {
            byte[] bytes = tokenizer.DecodeBytes([id]);
            string text = Encoding.UTF8.GetString(bytes);
            if (Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(bytes))
            {
                Assert.Equal([id], tokenizer.Encode(text));
            }
        }
    }

    [Fact]
    public void Train_IndentedCode_MakesALineBreakWithItsIndentationOneToken()
    {
        Tokenizer tokenizer = Train([string.Concat(Enumerable.Repeat("{\n        return;\n    }\n", 50))], 300, threads: 1);
        Assert.Equal(3, tokenizer.Encode("\n        return;").Length);
    }

    [Fact]
    public void Train_TooLittleText_GivesASmallerVocabulary()
    {
        Assert.Equal(260, Train([], 8192, threads: 1).VocabularySize);
        Assert.Equal(261, Train(["ab ab"], 8192, threads: 1).VocabularySize); // "ab"; " ab" occurs once
    }

    [Fact]
    public void Train_LongPieceWithoutEnd_LearnsTheWholeVocabulary()
    {
        Random random = new(3);
        string text = string.Concat(Enumerable.Range(0, 100_000).Select(_ => (char)('a' + random.Next(26))));
        Tokenizer tokenizer = Train([text], 1000, threads: 1);
        Assert.Equal(1000, tokenizer.VocabularySize);
    }

    [Theory]
    [InlineData(259)]
    [InlineData(65_537)]
    public void Constructor_VocabularySizeOutOfRange_Throws(int size)
    {
        Assert.Throws<CinnabarException>(() => new BpeTrainer(new BpeTrainerOptions { VocabularySize = size }));
    }

    private static Tokenizer Train(IEnumerable<string> texts, int vocabularySize, int threads)
    {
        return new BpeTrainer(new BpeTrainerOptions { VocabularySize = vocabularySize, Threads = threads }).Train(texts);
    }

    private static Merge[] Merges(Tokenizer tokenizer) => ((Bpe)tokenizer.Definition.Model).Merges;

    // Counts all pairs anew for each merge.
    private static List<(int Left, int Right)> NaiveMerges(IEnumerable<string> texts, int vocabularySize)
    {
        List<List<int>> pieces = [];
        int[] idOfByte = new int[256];
        for (int i = 0; i < 256; i++)
        {
            idOfByte[ByteLevel.AlphabetOrder[i]] = 4 + i;
        }

        foreach (string text in texts)
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            for (int start = 0; start < utf8.Length;)
            {
                int end = RegexSplit.Of(SplitPatterns.Code).PieceEnd(utf8, start, out _);
                pieces.Add([.. utf8[start..end].Select(b => idOfByte[b])]);
                start = end;
            }
        }

        List<(int, int)> merges = [];
        for (int next = 260; next < vocabularySize; next++)
        {
            (int Left, int Right) best = pieces.SelectMany(piece => piece.Zip(piece.Skip(1)))
                .GroupBy(pair => pair)
                .Where(group => group.Count() >= 2)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.First).ThenBy(group => group.Key.Second)
                .First().Key;
            merges.Add(best);
            foreach (List<int> piece in pieces)
            {
                for (int i = 0; i + 1 < piece.Count; i++)
                {
                    if (piece[i] == best.Left && piece[i + 1] == best.Right)
                    {
                        piece[i] = next;
                        piece.RemoveAt(i + 1);
                    }
                }
            }
        }

        return merges;
    }
}
