using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

public sealed class ForeignPathTests
{
    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model-00001-of-00002.safetensors")]
    [InlineData("sub/folder/model.Q4_K_M.gguf")]
    [InlineData(".hidden")]
    [InlineData("..a")]
    [InlineData("a..b")]
    [InlineData("console.json")]
    [InlineData("com10")]
    [InlineData("nul_.json")]
    [InlineData("naïve 日本 🙂.json")]
    [InlineData("%2e%2e")]
    [InlineData("~user")]
    public void FaultOf_OrdinaryName_IsNull(string path) => Assert.Null(ForeignPath.FaultOf(path));

    // One fact for all: the runner cannot carry half surrogates from the list of cases to the test.
    [Fact]
    public void FaultOf_HostileName_SaysWhat() => Assert.All(
        HostilePaths.All,
        path =>
        {
            string? fault = ForeignPath.FaultOf(path);
            Assert.False(string.IsNullOrEmpty(fault), $"Accepted: {path}");
            Assert.DoesNotContain(fault, char.IsControl);
        });

    [Fact]
    public void Cases_AreMany() => Assert.True(HostilePaths.All.Distinct().Count() >= 60);
}
