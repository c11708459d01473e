using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

/// <summary>What a new corpus may replace, and what a build that fails or is killed leaves.</summary>
public sealed class CorpusFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("cinnabar-test-").FullName;

    private string Corpus => Path.Combine(_root, "corpus");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("index.html")]
    [InlineData("tokenizer_config.json")]
    [InlineData("other.documents")]
    [InlineData("train.tokens")]
    [InlineData("train-1.tokens")]
    [InlineData("train-000001.tokens")]
    [InlineData("train-0000x.tokens")]
    [InlineData("train-.tokens")]
    [InlineData("src/train.wanted")]
    [InlineData("train.wanted/notes")]
    public void Replace_FolderWithAnotherFile_NamesItAndDeletesNothing(string name)
    {
        CorpusFolder.Replace(Corpus, Build);
        string foreign = Path.Combine(Corpus, name);
        Directory.CreateDirectory(Path.GetDirectoryName(foreign)!);
        File.WriteAllText(foreign, "mine");
        AssertRefused(Build, $"found '{name.Split('/')[0]}'");
        Assert.Equal("mine", File.ReadAllText(foreign));
    }

    [Fact]
    public void Replace_FolderWithoutManifest_IsRefused()
    {
        string tokenizer = Path.Combine(Directory.CreateDirectory(Corpus).FullName, CorpusFiles.Tokenizer);
        File.WriteAllText(tokenizer, "mine");
        AssertRefused(Build, "found 'tokenizer.json'");
        Assert.Equal("mine", File.ReadAllText(tokenizer));
    }

    [Fact]
    public void Replace_File_IsRefused()
    {
        File.WriteAllText(Corpus, "mine");
        AssertRefused(Build, "found a file");
        Assert.Equal("mine", File.ReadAllText(Corpus));
    }

    [Fact]
    public void Replace_FileThatComesDuringTheBuild_IsNotDeleted()
    {
        CorpusFolder.Replace(Corpus, Build);
        string foreign = Path.Combine(Corpus, "notes.md");
        AssertRefused(
            folder =>
            {
                File.WriteAllText(foreign, "mine");
                return Build(folder);
            },
            "found 'notes.md'");
        Assert.Equal("mine", File.ReadAllText(foreign));
    }

    [Fact]
    public void Replace_OlderCorpusAndWhatKilledBuildsLeft_AreRemoved()
    {
        string[] names =
        [
            "tokenizer.json", "dropped.txt", "train-00000.tokens", "validation-12345.tokens", "test-100000.tokens", "train.documents",
            "validation.wanted", "test.paths.txt",
        ];
        CorpusFolder.Replace(Corpus, Build);
        foreach (string name in names)
        {
            File.WriteAllText(Path.Combine(Corpus, name), "old");
        }

        Directory.CreateDirectory($"{Corpus}.cinnabar-old");
        Directory.CreateDirectory($"{Corpus}.cinnabar-new-{int.MaxValue}");
        CorpusFolder.Replace(Corpus + Path.DirectorySeparatorChar, Build);
        Assert.Equal([Corpus], Directory.GetFileSystemEntries(_root));
        Assert.Equal([Path.Combine(Corpus, CorpusFiles.Manifest)], Directory.GetFileSystemEntries(Corpus));
    }

    [Fact]
    public void Replace_BuildFails_KeepsTheOlderCorpus()
    {
        CorpusFolder.Replace(Corpus, Build);
        AssertRefused(
            folder =>
            {
                File.WriteAllText(Path.Combine(folder, CorpusFiles.Dropped), "new");
                throw new CinnabarException("No text is left.", "Give more.");
            },
            "No text is left.");
        Assert.Equal([Path.Combine(Corpus, CorpusFiles.Manifest)], Directory.GetFileSystemEntries(Corpus));
    }

    // A kill between the two renames: the older corpus has the other name.
    [Fact]
    public void Read_BuildKilledBetweenTheRenames_FindsTheOlderCorpus()
    {
        CorpusFolder.Replace(Corpus, Build);
        Directory.Move(Corpus, $"{Corpus}.cinnabar-old");
        Assert.Equal(CorpusManifest.CurrentVersion, CorpusManifest.Read(Corpus).Version);
        Assert.Equal([Corpus], Directory.GetFileSystemEntries(_root));
    }

    [Fact]
    public void Replace_OtherFilesWhereASaveWasKilled_AreNotDeleted()
    {
        string old = Directory.CreateDirectory($"{Corpus}.cinnabar-old").FullName;
        File.WriteAllText(Path.Combine(old, "config.json"), "a model");
        AssertRefused(Build, "found 'config.json'");
        Assert.Equal("a model", File.ReadAllText(Path.Combine(Corpus, "config.json")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void Read_NoPath_Throws(string folder)
    {
        Assert.Contains("path of a corpus folder", Assert.Throws<CinnabarException>(() => CorpusManifest.Read(folder)).Message);
    }

    private void AssertRefused(Func<string, CorpusManifest> build, string expected)
    {
        Assert.Contains(expected, Assert.Throws<CinnabarException>(() => CorpusFolder.Replace(Corpus, build)).Message);
        Assert.Equal([Corpus], Directory.GetFileSystemEntries(_root));
    }

    private static CorpusManifest Build(string folder)
    {
        CorpusManifest manifest = new()
        {
            Version = CorpusManifest.CurrentVersion,
            VocabularySize = 260,
            TokenizerSha256 = "",
            Splits = [],
            Sources = [],
            Dropped = [],
            Licences = [],
        };
        manifest.Write(folder);
        return manifest;
    }
}
