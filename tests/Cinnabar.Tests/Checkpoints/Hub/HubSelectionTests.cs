using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class HubSelectionTests
{
    private static readonly string[] s_texts = ["config.json", "tokenizer.json", "README.md"];

    [Fact]
    public void Choose_WholeModel_TakesItsTextsAndWeights()
    {
        string[] files =
        [
            .. s_texts, "generation_config.json", "length_bias.json", "tokenizer_config.json", "special_tokens_map.json",
            "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "model.safetensors",
        ];
        string[] others =
        [
            "modeling.py", "pytorch_model.bin", "model.pt", "consolidated.safetensors", "model-q4.gguf", "flax_model.msgpack", "LICENSE",
            "onnx/config.json", "original/model.safetensors", "tokenizer.model", "run.sh", "tokenizer.json.py", "Config.json",
        ];
        Assert.Equal(files.Order(), Choose("o/n", [.. files, .. others]).Order());
    }

    [Fact]
    public void Choose_Index_TakesTheShardsItLists()
    {
        string[] shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        SafetensorsIndex index = SafetensorsIndex.Parse(
            "i.json", System.Text.Encoding.UTF8.GetBytes($"{{\"weight_map\":{{\"a\":\"{shards[0]}\",\"b\":\"{shards[1]}\"}}}}"));
        string[] files = [.. s_texts, .. shards, SafetensorsIndex.FileName];
        Assert.Equal(files.Order(), Choose("o/n", [.. files, "model.safetensors", "consolidated.safetensors"], index).Order());
        string error = Refused("o/n", [.. s_texts, shards[0], SafetensorsIndex.FileName], index);
        Assert.Contains($"expected a file '{shards[1]}'", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Choose_OneSafetensorsOfAnotherName_TakesIt() => Assert.Equal(
        ["README.md", "a.safetensors", "config.json"],
        Choose("o/n", ["README.md", "config.json", "a.safetensors", "x.gguf", "y.gguf"]).Order());

    [Theory]
    [InlineData("o/n", "only.gguf")]
    [InlineData("o/n", "only.gguf,a.safetensors,b.safetensors")]
    [InlineData("o/n", "only.gguf,adapter_model.safetensors")]
    [InlineData("o/n:only.gguf", "only.gguf,other.gguf,model.safetensors")]
    [InlineData("o/n:Q4/only.gguf", "Q4/only.gguf,Q8/only.gguf")]
    [InlineData("o/n@v1:only.GGUF", "only.GGUF,other.gguf")]
    public void Choose_Gguf_TakesOneAndTheCard(string model, string files)
    {
        string file = ModelReference.Parse(model).File ?? "only.gguf";
        Assert.Equal(["README.md", file], Choose(model, [.. s_texts, .. files.Split(',')]));
    }

    [Theory]
    [InlineData("o/n", "a.gguf,b.gguf", "found 'a.gguf', 'b.gguf'. Name one: cinnabar pull o/n:a.gguf")]
    [InlineData("o/n:c.gguf", "a.gguf,b.gguf", "expected a file 'c.gguf' in the repository, found 'a.gguf', 'b.gguf'")]
    [InlineData("o/n:c.gguf", "model.safetensors", "expected a file 'c.gguf' in the repository, found none")]
    [InlineData("o/n", "a.gguf,b.gguf,a.safetensors,b.safetensors", "Name one: cinnabar pull o/n:a.gguf")]
    [InlineData("o/n", "a.safetensors,b.safetensors", "and the files it lists, found 'a.safetensors', 'b.safetensors'. Choose another")]
    [InlineData("o/n", "adapter_model.safetensors", "found 'adapter_model.safetensors'. An adapter alone cannot be loaded")]
    [InlineData("o/n", "pytorch_model.bin,training_args.bin", "found 'pytorch_model.bin', 'training_args.bin', formats that can run code")]
    [InlineData("o/n", "model.pt", "formats that can run code and are never fetched")]
    [InlineData("o/n", "model.onnx", "found 'config.json', 'tokenizer.json', 'README.md' and 1 more")]
    [InlineData("o/n", "deep/model.safetensors", "expected weights in safetensors or GGUF format")]
    public void Choose_NothingThatFits_SaysWhatThereIs(string model, string files, string expected) =>
        Assert.Contains(expected, Refused(model, [.. s_texts, .. files.Split(',')]), StringComparison.Ordinal);

    [Fact]
    public void Choose_NoConfig_IsRefused() =>
        Assert.Contains("expected config.json", Refused("o/n", ["README.md", "model.safetensors"]), StringComparison.Ordinal);

    [Fact]
    public void Choose_EmptyRepository_IsRefused() => Assert.Contains("found no files", Refused("o/n", []), StringComparison.Ordinal);

    [Fact]
    public void Choose_NamesThatDifferInCaseOnly_AreRefused() => Assert.Contains(
        "twice",
        Refused("o/n", ["config.json", "model.safetensors", "tokenizer_config.json", "tokenizer_CONFIG.json"]),
        StringComparison.Ordinal);

    [Fact]
    public void Choose_HugeText_IsRefused()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => HubSelection.Choose(
            ModelReference.Parse("o/n"),
            [new HubFile("config.json", 1L << 40, "x"), new HubFile("model.safetensors", 1, "x")],
            null));
        Assert.Contains("'config.json' of 1099511627776", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<CinnabarException>(() => HubSelection.IndexOf(
            ModelReference.Parse("o/n"), [new HubFile(SafetensorsIndex.FileName, 1L << 40, "x")]));
        Assert.Contains("found 1099511627776", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Choose_HostileNames_AreRefused() => Assert.All(
        HostilePaths.All,
        path => Assert.Contains(
            "expected names of files within the repository",
            Refused("o/n", ["config.json", "model.safetensors", path]),
            StringComparison.Ordinal));

    private static IEnumerable<string> Choose(string model, string[] files, SafetensorsIndex? index = null) => HubSelection
        .Choose(ModelReference.Parse(model), [.. files.Select(file => new HubFile(file, 5, new string('0', 40)))], index)
        .Select(file => file.Path);

    private static string Refused(string model, string[] files, SafetensorsIndex? index = null) =>
        Assert.Throws<CinnabarException>(() => Choose(model, files, index)).Message;
}
