using System.Text;
using System.Text.RegularExpressions;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class PreTokenizerTests
{
    private const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

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
    public void CodePreTokenizer_Code_CutsWhereItShould(string text, string pieces)
    {
        Assert.Equal(pieces.Split('|'), Cut(new CodePreTokenizer(), text));
    }

    // The pattern is what other programs run, so it must be the same rule. The regular expressions of .NET see the two halves of a
    // character beyond U+FFFF; such characters are in the golden texts instead.
    [Fact]
    public void CodePreTokenizer_RandomTexts_CutsLikeItsPattern() => AssertCutsLike(new CodePreTokenizer(), CodePreTokenizer.Pattern);

    [Fact]
    public void Gpt2PreTokenizer_RandomTexts_CutsLikeItsPattern() => AssertCutsLike(new Gpt2PreTokenizer(), Gpt2Pattern);

    [Fact]
    public void CodePreTokenizer_EveryCharacter_CutsLikeItsPattern()
    {
        StringBuilder text = new();
        for (int c = 0; c <= 0xFFFF; c++)
        {
            text.Append(char.IsSurrogate((char)c) ? " " : $"{(char)c}a{(char)c}7{(char)c}");
        }

        Assert.Equal(Match(CodePreTokenizer.Pattern, text.ToString()), Cut(new CodePreTokenizer(), text.ToString()));
    }

    [Fact]
    public void PieceEnd_BrokenUtf8_StillCoversEveryByte()
    {
        Random random = new(5);
        byte[] bytes = new byte[4096];
        random.NextBytes(bytes);
        foreach (PreTokenizer preTokenizer in (PreTokenizer[])[new CodePreTokenizer(), new Gpt2PreTokenizer()])
        {
            for (int start = 0; start < bytes.Length;)
            {
                int end = preTokenizer.PieceEnd(bytes, start);
                Assert.InRange(end, start + 1, bytes.Length);
                start = end;
            }
        }
    }

    private static void AssertCutsLike(PreTokenizer preTokenizer, string pattern)
    {
        for (int seed = 0; seed < 2000; seed++)
        {
            string text = string.Concat(TokenizerData.Jumble(seed, 1 + (seed % 40)).Where(c => !char.IsSurrogate(c)));
            Assert.Equal(Match(pattern, text), Cut(preTokenizer, text));
        }
    }

    private static string[] Match(string pattern, string text) => [.. Regex.Matches(text, pattern).Select(match => match.Value)];

    private static string[] Cut(PreTokenizer preTokenizer, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        List<string> pieces = [];
        for (int start = 0; start < utf8.Length;)
        {
            int end = preTokenizer.PieceEnd(utf8, start);
            pieces.Add(Encoding.UTF8.GetString(utf8, start, end - start));
            start = end;
        }

        return [.. pieces];
    }
}
