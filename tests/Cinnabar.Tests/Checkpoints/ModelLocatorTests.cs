using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints;

public sealed class ModelLocatorTests : IDisposable
{
    // repository/.git, repository/models/{one,two}, repository/src/deep, and outside/models/planted beside the starting folder outside/x
    private readonly TemporaryFolder _root = new();

    public ModelLocatorTests()
    {
        string[] folders =
        [
            "repository/.git", "repository/models/one", "repository/models/two", "repository/src/deep", "outside/models/planted",
            "outside/x", "program/models/shipped",
        ];
        foreach (string folder in folders)
        {
            Directory.CreateDirectory(_root[folder]);
        }
    }

    [Theory]
    [InlineData("repository/src/deep", "one", "repository/models/one")]
    [InlineData("repository", "two", "repository/models/two")]
    [InlineData("repository/src/deep", "shipped", "program/models/shipped")]
    [InlineData("repository/models", "one", "repository/models/one")]
    [InlineData("repository", "models/two", "repository/models/two")]
    [InlineData("repository/src", "../models/two", "repository/models/two")]
    public void Find_NameOrPath_GivesTheFolder(string current, string name, string expected) =>
        Assert.Equal(_root[expected], Path.GetFullPath(Find(name, current)));

    [Fact]
    public void Find_AbsolutePath_GivesTheFolder() => Assert.Equal(_root["outside/x"], Find(_root["outside/x"], "repository"));

    [Fact]
    public void Find_SaveInterrupted_FindsTheFolder()
    {
        Directory.Move(_root["repository/models/one"], _root["repository/models/one.cinnabar-old"]);
        Assert.Equal(_root["repository/models/one"], Find("one", "repository"));
    }

    [Fact]
    public void Find_UnknownName_ListsPlacesAndNames()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Find("three", "repository/src"));
        Assert.Contains("expected a model 'three'", error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(_root["repository/models"], error.Message, StringComparison.Ordinal);
        Assert.Contains(_root["program/models"], error.Message, StringComparison.Ordinal);
        Assert.Contains("'one', 'shipped', 'two'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_OutsideARepository_DoesNotClimb()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Find("planted", "outside/x"));
        Assert.DoesNotContain(_root["outside/models"], error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a\0b")]
    [InlineData("..\\one")]
    [InlineData("no/such/folder")]
    [InlineData("\u001b[2J")]
    public void Find_NeitherNameNorFolder_Throws(string name)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Find(name, "repository"));
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public void Find_HubName_GivesTheSnapshot()
    {
        string commit = new('a', 40);
        string repository = _root["cache/models--org--name"];
        string snapshot = Path.Combine(repository, "snapshots", commit);
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(Path.Combine(repository, "refs"));
        File.WriteAllText(Path.Combine(repository, "refs", "main"), commit);
        File.WriteAllText(Path.Combine(snapshot, "config.json"), "{}");

        Assert.Equal(snapshot, Find("org/name", "repository"));
        Assert.Equal(snapshot, Find($"org/name@{commit}", "repository"));
    }

    [Theory]
    [InlineData("org/name", "cinnabar pull org/name")]
    [InlineData("org/name@v1:a.gguf", "cinnabar pull org/name@v1:a.gguf")]
    public void Find_HubNameNotPulled_TellsTheCommand(string name, string expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Find(name, "repository"));
        Assert.EndsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(_root["cache"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_FolderThatLooksLikeAHubName_IsTheFolder() =>
        Assert.Equal(_root["repository/models/one"], Find("models/one", "repository"));

    public void Dispose() => _root.Dispose();

    private string Find(string name, string current) =>
        ModelLocator.Find(name, _root[current], _root["program"], new HubCache(_root["cache"]));
}
