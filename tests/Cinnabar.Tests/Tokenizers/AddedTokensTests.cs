using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class AddedTokensTests
{
    [Theory]
    [InlineData("a<x>b", "a|1|b")]
    [InlineData("<x><x>", "1|1")]
    [InlineData("<x>y>", "2")]                // the longest of those that begin together
    [InlineData("<<x>", "<|1")]
    [InlineData("", "")]
    [InlineData("a word b", "a |3| b")]
    [InlineData("awordword b", "awordword b")]
    [InlineData("wordé", "wordé")]
    [InlineData("(word)", "(|3|)")]
    [InlineData("𝒜word", "𝒜word")]
    [InlineData("word😀", "3|😀")]
    [InlineData("a \n[L]  b", "a|4|  b")]
    [InlineData("a [R]\u00A0 b[R]", "a |5|b|5")]
    [InlineData("  [L][L]", "4|4")]
    [InlineData("[R] [L]", "5|4")]
    public void Split_Text_FindsTokens(string text, string parts)
    {
        AddedTokens tokens = new(
            [
                new AddedToken(1, "<x>", Special: true),
                new AddedToken(2, "<x>y>", Special: true),
                new AddedToken(3, "word", Special: false) { SingleWord = true },
                new AddedToken(4, "[L]", Special: true) { LStrip = true },
                new AddedToken(5, "[R]", Special: true) { RStrip = true },
            ],
            normalizer: null);
        IEnumerable<string> found = tokens.Search(normalized: false, special: true).Split(text)
            .Select(part => part.Token?.Id.ToString() ?? text[part.Start..part.End]);
        Assert.Equal(parts, string.Join('|', found));
    }

    [Fact]
    public void Split_SpecialNotAskedFor_FindsOnlyTheOthers()
    {
        AddedTokens tokens = new([new AddedToken(1, "<x>", Special: true), new AddedToken(2, "x", Special: false)], normalizer: null);
        Assert.Equal([2], Ids(tokens.Search(normalized: false, special: false), "<x>"));
        Assert.Equal([1], Ids(tokens.Search(normalized: false, special: true), "<x>"));
        Assert.Empty(Ids(tokens.Search(normalized: true, special: true), "<x>"));
    }

    [Fact]
    public void Split_NormalizedToken_IsFoundInItsNormalizedForm()
    {
        AddedTokens tokens = new([new AddedToken(1, "Yes", Special: false) { Normalized = true }], new LowercaseNormalizer());
        Assert.Equal([1], Ids(tokens.Search(normalized: true, special: false), "oh yes"));
        Assert.Empty(Ids(tokens.Search(normalized: false, special: false), "oh Yes"));
    }

    [Fact]
    public void Split_TokensOfManyInARow_FindsEachOfThem()
    {
        AddedToken[] many = [.. Enumerable.Range(0, 7000).Select(id => new AddedToken(id, $"<unused{id}>", Special: true))];
        AddedTokens tokens = new(many, normalizer: null);
        string text = string.Concat(Enumerable.Repeat("<unused6999><unused3>", 50_000));
        int[] expected = [.. Enumerable.Range(0, 100_000).Select(i => i % 2 == 0 ? 6999 : 3)];
        Assert.Equal(expected, Ids(tokens.Search(normalized: false, special: true), text));
    }

    private static IEnumerable<int> Ids(AddedTokenSearch search, string text) =>
        search.Split(text).Where(part => part.Token is not null).Select(part => part.Token!.Id);
}
