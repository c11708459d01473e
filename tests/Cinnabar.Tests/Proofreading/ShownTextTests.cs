using Cinnabar.Proofreading;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Proofreading;

/// <summary>Where tokens stand in the caller's text.</summary>
public sealed class ShownTextTests
{
    private static readonly Tokenizer s_tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 270, Threads = 1 })
        .Train(["int a = b;\nint c = d;\n", "int a = b;\nint c = d;\n"]);

    // No theory: attributes cannot hold unpaired surrogates.
    private static readonly string[] s_texts =
    [
        "",
        "int a = b;\n",
        "\uFEFFint a = b;\r\nint c;\r\n",
        "a\r\nb\nc\rd",
        "x🙂y日本é\u0301z",
        "a\uD83Db\uDE42c",
        "🙂🙂\r\n🙂",
    ];

    [Fact]
    public void Tokens_CoverTheText() => Assert.All(s_texts, CoversTheText);

    private static void CoversTheText(string text)
    {
        ShownText shown = new(text, s_tokenizer);

        int begin = text.StartsWith('\uFEFF') ? 1 : 0;
        Assert.Equal(begin, shown.Original(shown.StartOf(0)));
        Assert.Equal(text.Length, shown.Original(shown.StartOf(shown.Ids.Length)));
        string whole = "";
        int from = 0;
        for (int i = 1; i <= shown.Ids.Length; i++)
        {
            Assert.True(shown.StartOf(i) >= shown.StartOf(i - 1));
            if (shown.IsWhole(i))
            {
                string part = shown.Slice(shown.Original(shown.StartOf(from)), shown.Original(shown.StartOf(i)));
                string decoded = s_tokenizer.Decode(shown.Ids.AsSpan(from, i - from));
                Assert.Equal(Replaced(shown.WithLineEnds(decoded)), Replaced(part));
                whole += part;
                from = i;
            }
        }

        Assert.Equal(text[begin..], whole);
    }

    // An emoji outside of the vocabulary is four tokens: three of them begin inside of it.
    [Fact]
    public void TokensInsideACharacter_AreNotWhole()
    {
        ShownText shown = new("a🙂b", s_tokenizer);

        Assert.Equal(6, shown.Ids.Length);
        Assert.Equal([0, 1, 1, 1, 1, 3, 4], Enumerable.Range(0, 7).Select(shown.StartOf));
        Assert.Equal([true, true, false, false, false, true, true], Enumerable.Range(0, 7).Select(shown.IsWhole));
    }

    [Theory]
    [InlineData("ab\r\ncd\r\nef", 8, 3, 1)]
    [InlineData("\uFEFFab\r\ncd", 2, 1, 2)]
    [InlineData("\uFEFFab\r\ncd", 6, 2, 2)]
    [InlineData("a\rb\nc\r\nd", 4, 3, 1)]
    [InlineData("a\rb\nc\r\nd", 7, 4, 1)]
    [InlineData("🙂x", 2, 1, 3)]
    public void Position_CountsFromOne(string text, int index, int line, int column)
    {
        Assert.Equal((line, column), new ShownText(text, s_tokenizer).Position(index));
    }

    [Theory]
    [InlineData("\uFEFFab\r\n\r\ncd")]
    [InlineData("ab\ncd")]
    [InlineData("a\r\nb\nc")]
    public void TokenAt_IsTheTokenThatHoldsTheCharacter(string text)
    {
        ShownText shown = new(text, s_tokenizer);
        for (int i = text.StartsWith('\uFEFF') ? 1 : 0; i < text.Length; i++)
        {
            int token = shown.TokenAt(i);
            Assert.InRange(i, shown.Original(shown.StartOf(token)), shown.Original(shown.StartOf(token + 1)) - 1);
        }

        Assert.Equal(shown.Ids.Length, shown.TokenAt(text.Length));
    }

    [Fact]
    public void WithLineEnds_AreThoseOfTheText()
    {
        Assert.Equal("a\r\nb\r\n", new ShownText("x\r\ny", s_tokenizer).WithLineEnds("a\nb\r\n"));
        Assert.Equal("a\nb\r\n", new ShownText("x\ny", s_tokenizer).WithLineEnds("a\nb\r\n"));
    }

    // Unpaired surrogates are shown as U+FFFD.
    private static string Replaced(string text) =>
        string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()));
}
