using Cinnabar.Proofreading;

namespace Cinnabar.Cli.Tests;

public sealed class ProofreadLineTests
{
    // The cut on either side falls inside of a pair where an odd number of characters stands between it and the place.
    [Theory]
    [InlineData("", 50)]
    [InlineData("x", 49)]
    public void LongLine_IsCutBetweenCharacters(string beside, int kept)
    {
        string faces = string.Concat(Enumerable.Repeat("🙂", 60));
        string text = faces + beside + "!" + beside + faces;
        Suggestion place = new(text.IndexOf('!', StringComparison.Ordinal), 1, 1, 1, "!", [new Replacement("?", 1)], 1, 1);

        string shown = string.Concat(Enumerable.Repeat("🙂", kept));
        Assert.Equal($"1:1: …{shown}{beside}⟦!⟧{beside}{shown}…", ProofreadLine.Of(text, place, colours: false));
    }
}
