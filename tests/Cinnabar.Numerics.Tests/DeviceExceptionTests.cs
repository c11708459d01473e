namespace Cinnabar.Numerics.Tests;

public sealed class DeviceExceptionTests
{
    [Fact]
    public void InWords_MessageAndRemedy_AreTwoSentences()
    {
        DeviceException error = new("Expected a, found b.", "Lower c.", details: "d");
        Assert.Equal("Expected a, found b. Lower c.", error.InWords);
    }
}
