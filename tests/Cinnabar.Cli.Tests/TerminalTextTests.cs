using System.Text.Json;

namespace Cinnabar.Cli.Tests;

public sealed class TerminalTextTests
{
    [Theory]
    [InlineData(2, "ab…", "…cd")]
    [InlineData(3, "ab…", "…cd")]
    [InlineData(4, "ab🙂…", "…🙂cd")]
    [InlineData(6, "ab🙂cd", "ab🙂cd")]
    public void Shortened_EmojiAtTheCut_StaysWhole(int most, string beginning, string end)
    {
        Assert.Equal(beginning, TerminalText.Shortened("ab🙂cd", most));
        Assert.Equal(end, TerminalText.Shortened("ab🙂cd", most, keepsEnd: true));
    }

    [Fact]
    public void Quote_EmojiAtTheCut_IsLeftOut()
    {
        string text = new('x', 199);
        Assert.Equal($"'{text}…'", TerminalText.Quote(text + "🙂"));
        Assert.Equal($"'{text}y'", TerminalText.Quote(text + "y"));
    }

    [Fact]
    public void McpArguments_EmojiAtTheCut_IsLeftOut()
    {
        string name = new('x', 59);
        McpArguments arguments = new(new Dictionary<string, JsonElement> { [name + "🙂"] = default });
        Assert.Contains($"found '{name}…'.", Assert.Throws<CinnabarException>(arguments.RequireNoOther).Message);
    }
}
