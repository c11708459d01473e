namespace Cinnabar.Tests;

public sealed class TextWithHolesTests
{
    [Fact]
    public void Parse_Markers_SplitTheText()
    {
        TextWithHoles text = TextWithHoles.Parse("a<fill>b<fill:7><fill>", holeTokens: 5);

        Assert.Equal(["a", "b", "", ""], text.Texts);
        Assert.Equal([5, 7, 5], text.HoleTokens);
    }

    [Theory]
    [InlineData("<fill:x> <fill>", "<fill:x> ")]
    [InlineData("<Fill> <fill>", "<Fill> ")]
    [InlineData("<fill:-1> <fill>", "<fill:-1> ")]
    public void Parse_AlmostAMarker_IsText(string text, string first)
    {
        Assert.Equal([first, ""], TextWithHoles.Parse(text).Texts);
    }

    [Fact]
    public void Parse_OwnMarker_IsTakenLiterally()
    {
        Assert.Equal(["a.b", "c"], TextWithHoles.Parse("a.b[.*]c", marker: "[.*]").Texts);
        Assert.Equal([9], TextWithHoles.Parse("a<FILL_ME:9>", marker: "<FILL_ME>").HoleTokens);
    }

    [Fact]
    public void Fill_Contents_StandInTheHoles()
    {
        Assert.Equal("a1b2", TextWithHoles.Parse("a<fill>b<fill>").Fill(["1", "2"]));
    }

    [Theory]
    [InlineData("nothing", "<fill>")]
    [InlineData("a<fill>", "")]
    [InlineData("a<fill:0>", "<fill>")]
    [InlineData("a<fill:1048577>", "<fill>")]
    public void Parse_Unusable_IsRefused(string text, string marker)
    {
        Assert.Throws<CinnabarException>(() => TextWithHoles.Parse(text, marker));
    }
}
