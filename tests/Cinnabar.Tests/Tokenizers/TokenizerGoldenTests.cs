using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>The ids of another implementation (Data/golden.mjs says which) are ours.</summary>
public sealed class TokenizerGoldenTests
{
    [Fact]
    public void Encode_GoldenTexts_GivesTheIdsOfHuggingFace()
    {
        Tokenizer tokenizer = Tokenizer.Load(TokenizerData.SmallPath);
        Assert.True(TokenizerData.Golden().Count() > 100);
        foreach ((string text, int[] ids, _) in TokenizerData.Golden())
        {
            AssertSame(text, ids, tokenizer.Encode(text, parseSpecialTokens: true));
        }
    }

    [Fact]
    public void Encode_GoldenTextsWithGpt2PreTokenizer_GivesTheIdsOfHuggingFace()
    {
        Tokenizer tokenizer = new(Tokenizer.Load(TokenizerData.SmallPath).Definition with { PreTokenizer = new Gpt2PreTokenizer() });
        foreach ((string text, _, int[] ids) in TokenizerData.Golden())
        {
            AssertSame(text, ids, tokenizer.Encode(text, parseSpecialTokens: true));
        }
    }

    [Fact]
    public void Save_LoadedTokenizer_WritesTheSameFile()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");
        try
        {
            Tokenizer.Load(TokenizerData.SmallPath).Save(path);
            Assert.Equal(File.ReadAllText(TokenizerData.SmallPath), File.ReadAllText(path), ignoreLineEndingDifferences: true);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void AssertSame(string text, int[] expected, int[] actual)
    {
        Assert.True(
            expected.AsSpan().SequenceEqual(actual),
            $"{Convert.ToHexString(Encoding.UTF8.GetBytes(text))}: "
            + $"expected {string.Join(' ', expected)}, found {string.Join(' ', actual)}");
    }
}
