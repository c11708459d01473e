using System.Text;
using Cinnabar.Tests.Checkpoints;
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
        TokenizerDefinition definition = Tokenizer.Load(TokenizerData.SmallPath).Definition;
        Tokenizer tokenizer = new(definition with { PreTokenizers = [RegexSplit.Of(SplitPatterns.Gpt2)] });
        foreach ((string text, _, int[] ids) in TokenizerData.Golden())
        {
            AssertSame(text, ids, tokenizer.Encode(text, parseSpecialTokens: true));
        }
    }

    public static TheoryData<string> Families => [.. TokenizerData.Families];

    [Theory]
    [MemberData(nameof(Families))]
    public void Encode_Family_GivesTheIdsOfHuggingFace(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        FamilyGolden[] golden = TokenizerData.FamilyGolden(family);
        Assert.Equal(98, golden.Length);
        foreach (FamilyGolden row in golden)
        {
            AssertSame(row.Text, row.Ids, tokenizer.Encode(row.Text, parseSpecialTokens: true));
            int[] around = [.. row.Before, .. row.Ids, .. row.After];
            AssertSame(row.Text, around, tokenizer.Encode(row.Text, parseSpecialTokens: true, addSpecialTokens: true));
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Decode_Family_GivesTheTextOfHuggingFace(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        foreach (FamilyGolden row in TokenizerData.FamilyGolden(family))
        {
            Assert.Equal(row.Decoded, tokenizer.Decode(row.Ids));
        }
    }

    [Fact]
    public void Save_TrainedTokenizer_WritesWhatIsReadTheSame()
    {
        TokenizerDefinition definition = Tokenizer.Load(TokenizerData.SmallPath).Definition;
        using TemporaryFolder folder = new();
        new Tokenizer(definition with { Json = null }).Save(folder["x.json"]);
        Assert.Equal(File.ReadAllText(TokenizerData.SmallPath), File.ReadAllText(folder["x.json"]), ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void Save_LoadedTokenizer_WritesTheSameFile()
    {
        using TemporaryFolder folder = new();
        Tokenizer.Load(TokenizerData.SmallPath).Save(folder["x.json"]);
        Assert.Equal(File.ReadAllText(TokenizerData.SmallPath), File.ReadAllText(folder["x.json"]));
    }

    private static void AssertSame(string text, int[] expected, int[] actual)
    {
        Assert.True(
            expected.AsSpan().SequenceEqual(actual),
            $"{Convert.ToHexString(Encoding.UTF8.GetBytes(text))}: "
            + $"expected {string.Join(' ', expected)}, found {string.Join(' ', actual)}");
    }
}
