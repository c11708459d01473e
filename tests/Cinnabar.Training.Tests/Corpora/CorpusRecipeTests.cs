using System.Text;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class CorpusRecipeTests : IDisposable
{
    private readonly SourceFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_ShippedRecipe_BecomesOptions()
    {
        CorpusRecipe recipe = CorpusRecipe.Load(Path.Combine(RepositoryRoot(), "recipes", "csharp-debian-mono.json"));
        foreach (CorpusRecipeFolder folder in recipe.Folders)
        {
            Directory.CreateDirectory(Path.Combine(_folder.Root, folder.Path));
        }

        CorpusOptions options = recipe.ToOptions(_folder.Root);
        Assert.Equal(6, options.Sources.Count);
        Assert.All(options.Sources, source => Assert.Contains(source.Licence, options.Licences));
        Assert.Equal(["*.cs"], options.Patterns);
        Assert.Equal(8192, options.VocabularySize);
    }

    [Fact]
    public void Load_RecipeOfStories_SaysHowSetsAreCut()
    {
        CorpusRecipe recipe = CorpusRecipe.Load(Path.Combine(RepositoryRoot(), "recipes", "stories-english.json"));
        foreach (CorpusRecipeFolder folder in recipe.Folders)
        {
            Directory.CreateDirectory(Path.Combine(_folder.Root, folder.Path));
        }

        CorpusOptions options = recipe.ToOptions(_folder.Root);
        Assert.All(options.Sources, source => Assert.Contains(source.Licence, options.Licences));
        Assert.All(options.Sources, source => Assert.NotNull(source.Cut));
        Assert.Equal(0.02, options.ValidationShare);
        Assert.Equal(400_000, options.MaxFileBytes);
        Assert.Equal(2, options.Sources.Single(source => source.Name == "fairytaleqa").Repeat);
        Assert.Equal(14_000_000, options.Sources.Single(source => source.Name == "books-clic").MaxBytes);

        // The sets themselves are not there, only their folders.
        CorpusBuilder builder = new(options);
        Assert.Contains("found none", Assert.Throws<CinnabarException>(() => builder.Build(_folder.Corpus)).Message);
    }

    [Fact]
    public void ToOptions_FolderMissing_NamesIt()
    {
        CorpusRecipe recipe = CorpusRecipe.Load(Path.Combine(RepositoryRoot(), "recipes", "csharp-debian-mono.json"));
        Assert.Contains("external/corefx", Assert.Throws<CinnabarException>(() => recipe.ToOptions(_folder.Root)).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"description\":\"\",\"folders\":null,\"patterns\":[],\"exclude\":[],\"licences\":[]}")]
    [InlineData("{\"description\":\"\",\"folders\":[],\"patterns\":[],\"exclude\":[],\"licences\":[],\"more\":1}")]
    public void Load_Damaged_Throws(string json)
    {
        string path = Path.Combine(_folder.Root, "recipe.json");
        File.WriteAllText(path, json);
        Assert.Contains(path, Assert.Throws<CinnabarException>(() => CorpusRecipe.Load(path)).Message);
    }

    [Theory]
    [InlineData("\"minFileBytes\":\"ten\"", "\"minFileBytes\" should be a whole number up to 2147483647, found \"ten\".")]
    [InlineData("\"testShare\":true", "\"testShare\" should be a number, found true.")]
    [InlineData("\"folders\":{}", "\"folders\" should be a list, found an object.")]
    [InlineData("\"folders\":[3]", "\"folders[0]\" should be an object, found 3.")]
    [InlineData("\"folders\":[{\"path\":1,\"licence\":\"MIT\"}]", "\"folders[0].path\" should be a text, found 1.")]
    [InlineData("\"folders\":[{\"path\":\"a\"}]", "has no key \"folders[0].licence\"")]
    [InlineData("\"folders\":[{\"path\":\"a\",\"licence\":\"MIT\",\"x\":1}]", "has the unknown key \"folders[0].x\"")]
    public void Load_WrongType_SaysWhatIsExpectedAndFound(string member, string expected)
    {
        string path = Path.Combine(_folder.Root, "recipe.json");
        string folders = member.Contains("folders", StringComparison.Ordinal) ? "" : "\"folders\":[],";
        File.WriteAllText(path, $"{{\"description\":\"\",{folders}\"patterns\":[],\"exclude\":[],\"licences\":[],{member}}}");
        Assert.Contains(expected, Assert.Throws<CinnabarException>(() => CorpusRecipe.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ByteOrderMark_IsSkipped()
    {
        string path = Path.Combine(_folder.Root, "recipe.json");
        byte[] json = Encoding.UTF8.GetBytes(
            "{\"description\":\"Tales\",\"folders\":[],\"patterns\":[],\"exclude\":[],\"licences\":[]}");
        File.WriteAllBytes(path, [0xEF, 0xBB, 0xBF, .. json]);
        Assert.Equal("Tales", CorpusRecipe.Load(path).Description);
    }

    [Fact]
    public void Load_Missing_Throws()
    {
        Assert.Throws<CinnabarException>(() => CorpusRecipe.Load(Path.Combine(_folder.Root, "none.json")));
    }

    private static string RepositoryRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Cinnabar.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"No Cinnabar.slnx above {AppContext.BaseDirectory}.");
    }
}
