using System.Diagnostics;
using System.Text.Json;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class NormalizerTests
{
    private static readonly CanonicalNormalizer s_c = new(compose: true);
    private static readonly CanonicalNormalizer s_d = new(compose: false);

    // normalization.mjs in Data made the texts with the Unicode data of Node.js.
    [Fact]
    public void Canonical_GoldenTexts_GiveBothForms()
    {
        string[][] rows = JsonSerializer.Deserialize<string[][]>(
            File.ReadAllBytes(Path.Combine(TokenizerData.Folder, "normalization.json")))!;
        Assert.True(rows.Length > 400);
        foreach (string[] row in rows)
        {
            Assert.Equal(row[1], s_c.Normalize(row[0]));
            Assert.Equal(row[2], s_d.Normalize(row[0]));
        }
    }

    // From the standard itself: annex 15, figures 3 to 6 and table 4; chapter 3.12.
    [Theory]
    [InlineData("\u212B", "\u00C5", "A\u030A")]
    [InlineData("\u2126", "\u03A9", "\u03A9")]
    [InlineData("\u1E69", "\u1E69", "s\u0323\u0307")]
    [InlineData("\u1E0B\u0323", "\u1E0D\u0307", "d\u0323\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("\uFB01", "\uFB01", "\uFB01")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C")]
    [InlineData("\uD4DB", "\uD4DB", "\u1111\u1171\u11B6")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [InlineData("\uAC00\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\uAC01\u11A8", "\uAC01\u11A8", "\u1100\u1161\u11A8\u11A8")]
    [InlineData("a\u0301b", "áb", "a\u0301b")]
    [InlineData("a\u0334\u0301", "á\u0334", "a\u0334\u0301")]
    public void Canonical_ExamplesOfTheStandard_GiveBothForms(string text, string formC, string formD)
    {
        Assert.Equal(formC, s_c.Normalize(text));
        Assert.Equal(formD, s_d.Normalize(text));
    }

    [Fact]
    public void Canonical_AnyText_IsNormalizedByOnePass()
    {
        Random random = new(8);
        for (int round = 0; round < 500; round++)
        {
            string text = TokenizerData.RandomUnicode(random, 1 + (round % 30));
            string formC = s_c.Normalize(text);
            string formD = s_d.Normalize(text);
            Assert.Equal(formC, s_c.Normalize(formC));
            Assert.Equal(formD, s_d.Normalize(formD));
            Assert.Equal(formC, s_c.Normalize(formD));
            Assert.Equal(formD, s_d.Normalize(formC));
        }
    }

    [Fact]
    public void Canonical_MillionMarks_TakesLittleTime()
    {
        string text = "a" + string.Concat(Enumerable.Repeat("\u0301\u0316", 1 << 18));
        Stopwatch watch = Stopwatch.StartNew();
        Assert.Equal(1 << 19, s_c.Normalize(text).Length); // á takes one mark in
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20); // quadratic sorting or composing would take hours
    }

    [Theory]
    [InlineData("Héllo WÖRLD", "hello world")]
    [InlineData("İI", "ii")]
    [InlineData("a\u0000b\uFFFDc\u200Bd\uE000e", "abcde")]
    [InlineData("a\tb\r\nc\u2009d", "a b  c d")]
    [InlineData("ab語c한", "ab 語 c\u1112\u1161\u11AB")]
    [InlineData("ΑΣ ΐ", "ασ ι")]
    public void Bert_Uncased_CleansText(string text, string expected)
    {
        Assert.Equal(expected, new BertNormalizer().Normalize(text));
    }

    // क, a vowel sign that takes space, a nonspacing one, a circle around it.
    [Fact]
    public void StripAccents_MarksOfAllKinds_GoButBertTakesNonspacingOnes()
    {
        const string Text = "\u0915\u093E\u0941\u20DD";
        Assert.Equal("\u0915", new StripAccentsNormalizer().Normalize(Text));
        Assert.Equal("\u0915\u093E\u20DD", new BertNormalizer().Normalize(Text));
    }

    [Fact]
    public void Bert_EverythingOff_ChangesNothing()
    {
        BertNormalizer off = new() { CleanText = false, HandleChineseChars = false, StripAccents = false, Lowercase = false };
        Assert.Equal("É\t語\0", off.Normalize("É\t語\0"));
        Assert.Equal("E\t 語 ", new BertNormalizer { CleanText = false, Lowercase = false }.Normalize("É\t語"));
    }

    [Fact]
    public void SimpleNormalizers_Text_DoWhatTheirNamesSay()
    {
        Assert.Equal("", new PrependNormalizer("▁").Normalize(""));
        Assert.Equal("▁a", new PrependNormalizer("▁").Normalize("a"));
        Assert.Equal("a▁▁b", new ReplaceNormalizer(" ", "▁").Normalize("a  b"));
        Assert.Equal("i\u0307àσ𐐨", new LowercaseNormalizer().Normalize("İÀΣ𐐀"));
        Assert.Equal("e", new StripAccentsNormalizer().Normalize("e\u0301"));
        Assert.Equal("é", new StripAccentsNormalizer().Normalize("é"));
        NormalizerSequence both = new([new PrependNormalizer(" "), new ReplaceNormalizer(" ", "▁")]);
        Assert.Equal("▁a▁b", both.Normalize("a b"));
        Assert.Equal("a▁b", both.NormalizeBehind("a b"));
        Assert.Equal("aσ", new LowercaseNormalizer().NormalizeBehind("AΣ"));
    }
}
