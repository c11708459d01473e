using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Checkpoints.Hub;
using Cinnabar.Sampling;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("/c/models--org--name/snapshots/0123", "org/name")]
    [InlineData("/c/models--org--name/snapshots/0123/m.Q8_0.gguf", "org/name:m.Q8_0.gguf")]
    [InlineData("/c/models--org--name/blobs/0123", null)]
    [InlineData("/c/datasets--org--name/snapshots/0123", null)]
    [InlineData("/c/tiny", null)]
    public void RepositoryOf_SnapshotsAlone_HaveOne(string path, string? expected) => Assert.Equal(expected, HubCache.RepositoryOf(path));

    [GoldenFact]
    public void Open_FolderWithOneGgufAlone_OpensThat()
    {
        string golden = Path.Combine(GoldenFolder.Path!, "models");
        string folder = _folder["snapshot"];
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(golden, "dream-tiny-F32.gguf"), Path.Combine(folder, "a.gguf"));
        Checkpoint checkpoint = Checkpoint.Open(folder);
        Assert.Equal("dream", checkpoint.Config.Family.Name);
        Assert.Equal(Remasking.Entropy, checkpoint.DefaultOptions.Remasking);

        File.Copy(Path.Combine(golden, "dream-tiny-F16.gguf"), Path.Combine(folder, "b.gguf"));
        Assert.Contains("config.json", Assert.Throws<CinnabarException>(() => Checkpoint.Open(folder)).Message);
    }

    [Theory]
    [InlineData("\"model_type\": \"Dream\"", "expected the key architectures")]
    [InlineData("\"architectures\": [\"DreamModel\"]", "expected the key model_type")]
    [InlineData("\"architectures\": [\"DreamModel\"], \"model_type\": \"qwen2\"", "expected \"Dream\" or \"dream\" beside")]
    [InlineData("\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\"", "'[\"LlamaForCausalLM\"]' (model_type 'llama')")]
    public void Parse_NotBothOfAPair_IsRefusedWithWhatIsSupported(string json, string expected)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes($"{{{json}}}");
        string message = Assert.Throws<CinnabarException>(() => ModelConfig.Parse("config.json", text)).Message;
        Assert.Contains(expected, message);
        Assert.All(ModelFamilies.All.SelectMany(family => family.Kinds), kind => Assert.Contains(kind.Architecture, message));
    }

    [Fact]
    public void Load_Dream_BeginsWithItsOwnTokenNotWithTheEnd()
    {
        Directory.CreateDirectory(_folder["m"]);
        string config = Path.Combine(_folder["m"], "config.json");
        File.WriteAllText(config, RandomShapes.All["dream-7b"]);
        Assert.NotEqual(ModelConfig.Load(config).EosTokenId, ModelConfig.Load(config).BosTokenId);
        File.WriteAllText(
            Path.Combine(_folder["m"], "tokenizer.json"), """{"added_tokens": [{"id": 151665, "content": "<|beginoftext|>"}]}""");
        Assert.Equal(151_665, ModelConfig.Load(config).BosTokenId);
    }

    [Fact]
    public void Load_TokensThatEndTexts_AreTakenFromTheTokenizer()
    {
        Directory.CreateDirectory(_folder["m"]);
        string config = Path.Combine(_folder["m"], "config.json");
        File.WriteAllText(config, RandomShapes.All["sdar-4b"].Replace("151669", "151664", StringComparison.Ordinal));
        Assert.Empty(ModelConfig.Load(config).AlsoEndText);

        File.WriteAllText(Path.Combine(_folder["m"], "tokenizer.json"), """
            {"added_tokens": [{"id": 151643, "content": "<|endoftext|>"}, {"id": 151645, "content": "<|im_end|>"},
            {"id": 999999, "content": "<|role_end|>"}]}
            """);
        Assert.Equal([151_645], ModelConfig.Load(config).AlsoEndText);
    }

    [Fact]
    public void Kinds_OfAllFamilies_AreDifferent()
    {
        (string, string)[] kinds = [.. ModelFamilies.All.SelectMany(family => family.Kinds)];
        Assert.Equal(kinds.Length, kinds.Distinct().Count());
    }
}
