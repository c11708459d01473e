using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class ModelReferenceTests
{
    private static readonly string[] s_none =
    [
        "", " ", "name", "/name", "org/", "org/name/", "org//name", "org/name/file", "./name", "../name", "org/..", "org/.", ".org/name",
        "org/name.", "-org/name", "org/name-", "org/na--me", "or--g/name", "org/na..me", "org/na me", "org /name", " org/name", "org/name ",
        "org\\name", "org/name\n", "org/na\0me", "örg/name", "org/naïve", "C:/name", "https://huggingface.co/org/name", "org/name@",
        "org/name@..", "org/name@a..b", "org/name@/main", "org/name@main/", "org/name@a//b", "org/name@-x", "org/name@a b", "org/name@a\\b",
        "org/name@.hidden", "org/name@a/../b", "org/name@con", "org/name@refs/nul", "org/name:", "org/name:model.bin", "org/name:.gguf/",
        "org/name:../a.gguf", "org/name:/a.gguf", "org/name:a//b.gguf", "org/name:C:a.gguf", "org/name:con.gguf", "org/name:a\\b.gguf",
        "org/name:a\0.gguf", "org/name@main:x.safetensors", "org@main/name", "org:a.gguf/name", "~/models",
    ];

    [Theory]
    [InlineData("org/name", "org", "name", "main", null)]
    [InlineData("GSAI-ML/LLaDA-8B-Base", "GSAI-ML", "LLaDA-8B-Base", "main", null)]
    [InlineData("o/n@v1.0", "o", "n", "v1.0", null)]
    [InlineData("o/n@refs/pr/12", "o", "n", "refs/pr/12", null)]
    [InlineData("o/n:a.Q4_K_M.gguf", "o", "n", "main", "a.Q4_K_M.gguf")]
    [InlineData("o/n@main:Q8/a b.GGUF", "o", "n", "main", "Q8/a b.GGUF")]
    [InlineData("_o_/n_1.5", "_o_", "n_1.5", "main", null)]
    public void Parse_Reference_GivesItsParts(string text, string organization, string name, string revision, string? file)
    {
        ModelReference reference = ModelReference.Parse(text);

        Assert.Equal(
            (organization, name, revision, file), (reference.Organization, reference.Name, reference.Revision, reference.File));
        Assert.Equal(reference, ModelReference.Parse(reference.ToString()));
        Assert.False(reference.IsCommit);
    }

    [Fact]
    public void IsCommit_FullHash_IsTrue()
    {
        Assert.True(ModelReference.Parse($"o/n@{LocalHub.Commit}").IsCommit);
        Assert.False(ModelReference.Parse($"o/n@{LocalHub.Commit[1..]}").IsCommit);
    }

    [Fact]
    public void TryParse_SomethingElse_IsNull() => Assert.All(
        [.. s_none, $"{new string('o', 97)}/n", $"o/n@{new string('r', 97)}"], text => Assert.Null(ModelReference.TryParse(text)));

    [Fact]
    public void Parse_SomethingElse_SaysWhatIsExpected()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => ModelReference.Parse("gpt2\u001b[2J"));
        Assert.Contains("org/name@revision", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }
}
