namespace Cinnabar.Cli.Tests;

public sealed class ModelLabelsTests
{
    [Fact]
    public void Of_DifferentModelsOfOneName_ArePaths()
    {
        Assert.Equal(["a", "/x/m", "/y/m"], ModelLabels.Of([("a", "/x/a"), ("m", "/x/m"), ("m", "/y/m")]));
        Assert.Equal(["m", "m"], ModelLabels.Of([("m", "/x/m"), ("m", "/x/m")]));
    }
}
