using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class ModelTests
{
    [Theory]
    [InlineData("unaffable", "1 2 3")]        // the example of the paper: un ##aff ##able
    [InlineData("unaffablex", "0")]
    [InlineData("un", "1")]
    [InlineData("aff", "0")]
    [InlineData("語un", "4 5")]
    [InlineData("##", "6")]
    [InlineData("unun", "1 5")]
    [InlineData("unununununun", "0")]         // more than ten characters
    public void WordPiece_Words_TakesTheLongest(string word, string ids)
    {
        Dictionary<string, int> tokens = new() { ["un"] = 1, ["##aff"] = 2, ["##able"] = 3, ["語"] = 4, ["##un"] = 5, ["##"] = 6 };
        Assert.Equal(ids, Encode(new WordPiece(tokens, "##", unknownId: 0, maxCharacters: 10), word));
    }

    [Theory]
    [InlineData("ab", true, true, "10 11")]
    [InlineData("aéb", true, true, "10 195 169 11")]     // é as its two bytes
    [InlineData("a日日b", true, true, "10 9 11")]         // a byte of 日 is missing: unknown, and fused
    [InlineData("a日日b", true, false, "10 9 9 11")]
    [InlineData("a日é", true, false, "10 195 169 9")]     // as there: an unknown token waits for the next known character
    [InlineData("aéb", false, true, "10 9 11")]
    public void CharacterSymbols_UnknownCharacters_FallBack(string text, bool bytes, bool fuse, string ids)
    {
        int[] idOfByte = [.. Enumerable.Range(0, 256).Select(b => b == 0xE6 ? -1 : b)];
        CharacterSymbols symbols = new(new Dictionary<int, int> { ['a'] = 10, ['b'] = 11 })
        {
            IdOfByte = bytes ? idOfByte : null,
            UnknownId = 9,
            FuseUnknown = fuse,
        };
        Assert.Equal(ids, Encode(new Bpe(symbols, []), text));
    }

    [Fact]
    public void CharacterSymbols_NoUnknownToken_LeavesOut()
    {
        CharacterSymbols symbols = new(new Dictionary<int, int> { ['a'] = 10 });
        Assert.Equal("10 10", Encode(new Bpe(symbols, []), "aéa"));
        Assert.Equal("", Encode(new Bpe(symbols, []), "é"));
    }

    [Fact]
    public void Bpe_EqualRanks_MergesTheLeftmost()
    {
        CharacterSymbols symbols = new(new Dictionary<int, int> { ['a'] = 1, ['b'] = 2, ['c'] = 3 });
        Merge[] merges = [new Merge(2, 3, 5, Rank: 0), new Merge(1, 2, 4, Rank: 0)];
        Assert.Equal("4 3", Encode(new Bpe(symbols, merges), "abc"));
        string many = string.Concat(Enumerable.Repeat("abc", 40));
        Assert.Equal(string.Join(' ', Enumerable.Repeat("4 3", 40)), Encode(new Bpe(symbols, merges), many));
    }

    [Fact]
    public void Bpe_WholePieces_NeedNoMerges()
    {
        CharacterSymbols symbols = new(new Dictionary<int, int> { ['a'] = 1, ['b'] = 2 });
        Dictionary<byte[], int> whole = new(ByteSequenceComparer.Instance) { ["ab"u8.ToArray()] = 7 };
        Assert.Equal("7", Encode(new Bpe(symbols, [], whole), "ab"));
        Assert.Equal("1 2 1", Encode(new Bpe(symbols, [], whole), "aba"));
    }

    private static string Encode(Model model, string text)
    {
        List<int> ids = [];
        model.Encode(Encoding.UTF8.GetBytes(text), ids);
        List<int> again = [];
        Model fork = model.Fork();
        fork.Encode(Encoding.UTF8.GetBytes(text), again);
        again.Clear();
        fork.Encode(Encoding.UTF8.GetBytes(text), again); // now from the cache
        Assert.Equal(ids, again);
        return string.Join(' ', ids);
    }
}
