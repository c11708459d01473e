using System.Text;
using System.Text.RegularExpressions;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class PreTokenizerTests
{
    [Theory]
    [InlineData("return x;", "return| x|;")]
    [InlineData("if (a)\n    {\n", "if| (|a|)|\n    |{|\n")]
    [InlineData("a\r\n\r\n\t\tb", "a|\r\n\r\n\t\t|b")]
    [InlineData("\n    \n    a", "\n    |\n    |a")]
    [InlineData("a  b", "a|  |b")]
    [InlineData("a \tb", "a| \t|b")]
    [InlineData("x = 12345;", "x| =| 123|45|;")]
    [InlineData("s_ab1 __m", "s_ab|1| __m")]
    [InlineData("f(() => {});", "f|(()| =>| {});")]
    [InlineData("cafe\u0301 日本", "cafe\u0301| 日本")]
    [InlineData("a ", "a| ")]
    public void Code_Text_CutsWhereItShould(string text, string pieces)
    {
        Assert.Equal(pieces.Split('|'), Cut(RegexSplit.Of(SplitPatterns.Code), text));
    }

    private static readonly string[] s_patterns =
    [
        SplitPatterns.Code, SplitPatterns.Gpt2, SplitPatterns.Qwen2, SplitPatterns.Llama3, SplitPatterns.BailingMoe, SplitPatterns.Lines,
        @"\p{N}{1,3}", @"[a-f\-]+", @" ?\p{Lu}\p{Ll}*", @"\s?[!-/:-~]+", @"x?y", @"'(?:[sdmt]|ll|ve|re)|\p{L}+|\s+(?!\S)|\s+",
    ];

    public static TheoryData<string> Patterns => [.. s_patterns];

    // The pattern is what other programs run, so it must be the same rule. The regular expressions of .NET see the two halves of a
    // character beyond U+FFFF; such characters are in the golden texts instead.
    [Theory]
    [MemberData(nameof(Patterns))]
    public void PieceEnd_RandomTexts_CutsLikeThePattern(string pattern)
    {
        RegexSplit split = RegexSplit.Of(pattern);
        for (int seed = 0; seed < 1000; seed++)
        {
            string text = string.Concat(TokenizerData.Jumble(seed, 1 + (seed % 40)).Where(c => !char.IsSurrogate(c)));
            Assert.Equal(Match(pattern, text), Cut(split, text));
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void PieceEnd_EveryCharacter_CutsLikeThePattern(string pattern)
    {
        StringBuilder text = new();
        for (int c = 0; c <= 0xFFFF; c++)
        {
            text.Append(char.IsSurrogate((char)c) ? " " : $"{(char)c}a{(char)c}7{(char)c}");
        }

        Assert.Equal(Match(pattern, text.ToString()), Cut(RegexSplit.Of(pattern), text.ToString()));
    }

    [Theory]
    [InlineData("a𝐛c 𝟏𝟐x", "a𝐛c| |𝟏|𝟐|x")]
    [InlineData("😀😀 𠀀", "😀😀| 𠀀")]
    [InlineData("a😀b", "a|😀b")]
    [InlineData("it'ſ it's", "it|'ſ| it|'s")]
    [InlineData("\U000E0001\U000E0002x", "\U000E0001\U000E0002|x")]
    public void PieceEnd_BeyondFfff_CutsByCodePoint(string text, string pieces)
    {
        Assert.Equal(pieces.Split('|'), Cut(RegexSplit.Of(SplitPatterns.Qwen2), text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a*")]
    [InlineData("(a)")]
    [InlineData("a+b")]
    [InlineData("a+?")]
    [InlineData("a|")]
    [InlineData("|a")]
    [InlineData("[a")]
    [InlineData("[]")]
    [InlineData("[b-a]")]
    [InlineData("[[a]]")]
    [InlineData("a{2")]
    [InlineData("a{3,2}")]
    [InlineData("a{1,1000}")]
    [InlineData(@"\p{N}{1,3}+")] // repeats the group, where ++ and ?+ give nothing back
    [InlineData("a{2}+")]
    [InlineData("a{0}")]
    [InlineData("^a")]
    [InlineData("a$")]
    [InlineData(".")]
    [InlineData(@"\d+")]
    [InlineData(@"\p{Han}+")]
    [InlineData(@"\p")]
    [InlineData(@"\")]
    [InlineData(@"[\")]
    [InlineData(@"[\p{L")]
    [InlineData(@"\s+(?!\S)")]
    [InlineData(@"(?=a)b")]
    [InlineData(@"(?i:'s|'t|'re|'ve|'m|'ll|'d|'z)")]
    public void Parse_OtherPattern_IsRefused(string pattern) => Assert.Null(RegexSplit.Parse(pattern));

    [Fact]
    public void Parse_TooManyAlternatives_IsRefused() => Assert.Null(RegexSplit.Parse(string.Join('|', Enumerable.Repeat("a", 40))));

    [Theory]
    [InlineData("Isolated", "a|-|b|-|-|c")]
    [InlineData("Removed", "a|b|c")]
    [InlineData("MergedWithPrevious", "a-|b-|-|c")]
    [InlineData("MergedWithNext", "a|-b|-|-c")]
    [InlineData("Contiguous", "a|-|b|--|c")]
    public void StringSplit_Behaviors_CutAsDocumented(string behavior, string pieces)
    {
        Assert.Equal(pieces.Split('|'), Cut(new StringSplit("-", Enum.Parse<SplitBehavior>(behavior)), "a-b--c"));
    }

    [Fact]
    public void RegexSplit_WithoutGaps_LeavesThemOut()
    {
        Assert.Equal(["ab", "c"], Cut(RegexSplit.Parse(@"\p{L}+", keepsGaps: false)!, " ab, c!"));
        Assert.Equal([" ", "ab", ", ", "c", "!"], Cut(RegexSplit.Of(@"\p{L}+"), " ab, c!"));
    }

    [Fact]
    public void BertPreTokenizer_Text_CutsWordsAndPunctuation()
    {
        Assert.Equal(["a", "-", "b", "!", "?", "«", "é", "»", "_", "c", "$"], Cut(new BertPreTokenizer(), " a-b!? «é»\u00A0_ c$ "));
    }

    [Fact]
    public void Metaspace_Schemes_PrependAndCut()
    {
        Metaspace always = new("▁", PrependScheme.Always, split: true);
        Assert.Equal("▁a▁▁b", always.Prepare("a  b", first: false));
        Assert.Equal("▁a", always.Prepare(" a", first: true));
        Assert.Equal("a", new Metaspace("▁", PrependScheme.First, split: true).Prepare("a", first: false));
        Assert.Equal("▁a", new Metaspace("▁", PrependScheme.First, split: true).Prepare("a", first: true));
        Assert.Equal("a", new Metaspace("▁", PrependScheme.Never, split: true).Prepare("a", first: true));
        Assert.Equal("a▁b", always.Prepare("a b", first: false, isBehind: true));
        Assert.Equal(["▁a", "▁", "▁b"], Cut(always, "▁a▁▁b"));
        Assert.Equal(["▁a▁▁b"], Cut(new Metaspace("▁", PrependScheme.Always, split: false), "▁a▁▁b"));
    }

    [Fact]
    public void PieceEnd_BrokenUtf8_StillCoversEveryByte()
    {
        Random random = new(5);
        byte[] bytes = new byte[4096];
        random.NextBytes(bytes);
        foreach (PreTokenizer preTokenizer in s_patterns.Select(row => (PreTokenizer)RegexSplit.Of(row)).Append(new BertPreTokenizer()))
        {
            for (int start = 0; start < bytes.Length;)
            {
                int end = preTokenizer.PieceEnd(bytes, start, out _);
                Assert.InRange(end, start + 1, bytes.Length);
                start = end;
            }
        }
    }

    // What is between two matches is a piece. .NET has no possessive quantifiers; in these patterns they change nothing.
    private static List<string> Match(string pattern, string text)
    {
        List<string> pieces = [];
        int end = 0;
        foreach (Match match in Regex.Matches(text, pattern.Replace("?+", "?").Replace("++", "+")))
        {
            if (match.Index > end)
            {
                pieces.Add(text[end..match.Index]);
            }

            pieces.Add(match.Value);
            end = match.Index + match.Length;
        }

        return end < text.Length ? [.. pieces, text[end..]] : pieces;
    }

    private static string[] Cut(PreTokenizer preTokenizer, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        List<string> pieces = [];
        for (int start = 0; start < utf8.Length;)
        {
            int end = preTokenizer.PieceEnd(utf8, start, out bool kept);
            if (kept)
            {
                pieces.Add(Encoding.UTF8.GetString(utf8, start, end - start));
            }

            start = end;
        }

        return [.. pieces];
    }
}
