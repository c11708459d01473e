namespace Cinnabar.Cli.Tests;

public sealed class ModelLabelsTests
{
    [Fact]
    public void Of_DifferentModelsOfOneName_AreTheEndsOfTheirPaths()
    {
        Assert.Equal(["a", "x/m", "y/m"], ModelLabels.Of([("a", "/r/x/a"), ("m", "/r/x/m"), ("m", "/r/y/m")]));
        Assert.Equal(["1/x/m", "2/x/m", "z/m"], ModelLabels.Of([("m", "/r/1/x/m"), ("m", "/r/2/x/m"), ("m", "/r/z/m")]));
        Assert.Equal(["m", "/r/m"], [ModelLabels.Of([("m", "/m"), ("m", "/m")])[0], ModelLabels.Of([("m", "/r/m"), ("m", "/m")])[0]]);
    }
}
