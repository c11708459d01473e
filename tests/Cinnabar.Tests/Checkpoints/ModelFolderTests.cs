using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Checkpoints;

public sealed class ModelFolderTests : IDisposable
{
    private static readonly ModelConfig s_config = ModelConfig.Parse("tiny", System.Text.Encoding.UTF8.GetBytes(LladaConfigs.Tiny));

    private readonly TemporaryFolder _parent = new();

    private string Folder => _parent["m"];

    [Fact]
    public void Save_ThenOpen_SameModel()
    {
        Dictionary<string, Tensor> weights = Weights(s_config);
        ModelFolder.Save(Folder, s_config, weights, "{}"u8.ToArray(), new GenerationConfig { Steps = 8 }, "# Tiny");

        ModelFolder model = ModelFolder.Open(Folder);
        Assert.Equal(s_config, model.Config);
        Assert.Equal(8, model.GenerationConfig.Steps);
        Assert.Equal("{}", File.ReadAllText(model.TokenizerPath));
        Assert.Equal(weights.Keys.Order(), model.Tensors.Keys.Order());
        Assert.All(
            model.Tensors,
            pair => Assert.Equal(weights[pair.Key].To(DType.BF16).BFloat16Bits.ToArray(), pair.Value.BFloat16Bits.ToArray()));
        Assert.Equal(
            ["README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"],
            Directory.GetFileSystemEntries(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        Dictionary<string, byte[]> first = Bytes();
        ModelFolder.Save(Folder, model.Config, model.Tensors, File.ReadAllBytes(model.TokenizerPath), model.GenerationConfig, "# Tiny");
        Assert.Equal(first, Bytes());
        Assert.Equal([Folder], Directory.GetFileSystemEntries(_parent.Path));
    }

    [Fact]
    public void Save_Int8_ThenOpen_SameIntegersAndScales()
    {
        ModelConfig config = s_config with { Quantization = new(DType.Int8, null) };
        Dictionary<string, Tensor> weights = Weights(s_config);
        ModelFolder.Save(Folder, config, weights, "{}"u8.ToArray(), null, "");

        ModelFolder model = ModelFolder.Open(Folder);
        Assert.Equal(config, model.Config);
        foreach ((string name, Tensor weight) in weights)
        {
            Tensor expected = weight.To(weight.Shape.Length > 1 ? DType.Int8 : DType.BF16);
            Assert.Equal(expected.Bytes.ToArray(), model.Tensors[name].Bytes.ToArray());
            Assert.Equal(expected.Scales?.Floats.ToArray(), model.Tensors[name].Scales?.Floats.ToArray());
            float step = expected.Scales?.Floats.ToArray().Max() ?? 0.01f;
            Assert.All(
                weight.Floats.ToArray().Zip(expected.To(DType.F32).Floats.ToArray()),
                pair => Assert.Equal(pair.First, pair.Second, (step / 2) + 1e-6f));
        }

        Dictionary<string, byte[]> first = Bytes();
        ModelFolder.Save(Folder, model.Config, model.Tensors, "{}"u8.ToArray(), null, "");
        Assert.Equal(first, Bytes());
    }

    [Theory]
    [InlineData(DType.Int8, 16)]
    [InlineData(DType.Int4, 16)]
    [InlineData(DType.Int4, 32)]
    public void Save_Groups_ThenOpen_SameIntegersAndScales(DType type, int group)
    {
        ModelConfig config = s_config with { HiddenSize = 32, IntermediateSize = 64, Quantization = new(type, group) };
        Dictionary<string, Tensor> weights = Weights(config);
        ModelFolder.Save(Folder, config, weights, "{}"u8.ToArray(), null, "");

        ModelFolder model = ModelFolder.Open(Folder);
        Assert.Equal(config, model.Config);
        foreach ((string name, Tensor weight) in weights)
        {
            bool isTable = name is LladaWeightNames.Embedding or LladaWeightNames.Head;
            bool isFloat = weight.Shape.Length == 1 || (type == DType.Int4 && isTable);
            Tensor expected = isFloat ? weight.To(DType.BF16) : weight.Quantize(type, group);
            Assert.Equal(expected.Type, model.Tensors[name].Type);
            Assert.Equal(expected.GroupSize, model.Tensors[name].GroupSize);
            Assert.Equal(expected.To(DType.F32).Floats.ToArray(), model.Tensors[name].To(DType.F32).Floats.ToArray());
        }

        Dictionary<string, byte[]> first = Bytes();
        ModelFolder.Save(Folder, model.Config, model.Tensors, "{}"u8.ToArray(), null, "");
        Assert.Equal(first, Bytes());
    }

    [Theory]
    [InlineData(DType.Int4, 24)]
    [InlineData(DType.Int4, 48)]
    [InlineData(DType.Int8, 128)]
    public void Save_GroupThatDoesNotDivide_IsRefusedWithTheNumbers(DType type, int group)
    {
        ModelConfig config = s_config with { HiddenSize = 32, IntermediateSize = 64, Quantization = new(type, group) };
        CinnabarException failure = Assert.Throws<CinnabarException>(
            () => ModelFolder.Save(Folder, config, Weights(config), "{}"u8.ToArray(), null, ""));
        Assert.Contains($"rows of the matrices, 32, 64, or rows of a multiple of 4, found groups of {group}", failure.Message);
    }

    [Fact]
    public void Open_FourBitsWithoutGroups_IsRefused()
    {
        ModelConfig config = s_config with { HiddenSize = 32, IntermediateSize = 64, Quantization = new(DType.Int4, 16) };
        ModelFolder.Save(Folder, config, Weights(config), "{}"u8.ToArray(), null, "");
        string file = Path.Combine(Folder, "config.json");
        string text = File.ReadAllText(file).Replace("\"group\"", "\"channel\"", StringComparison.Ordinal);
        File.WriteAllText(file, System.Text.RegularExpressions.Regex.Replace(text, ",\\s*\"group_size\": *16", ""));
        CinnabarException failure = Assert.Throws<CinnabarException>(() => ModelFolder.Open(Folder));
        Assert.Contains("expected a group_size for weights of 4 bits", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_IntegersWithoutQuantizationConfig_IsRefused()
    {
        ModelFolder.Save(Folder, s_config with { Quantization = new(DType.Int8, null) }, Weights(s_config), "{}"u8.ToArray(), null, "");
        s_config.Save(Path.Combine(Folder, "config.json"));
        CinnabarException failure = Assert.Throws<CinnabarException>(() => ModelFolder.Open(Folder));
        Assert.Contains("weight_scale", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_QuantizationConfigWithoutIntegers_IsRefused()
    {
        ModelFolder.Save(Folder, s_config, Weights(s_config), "{}"u8.ToArray(), null, "");
        (s_config with { Quantization = new(DType.Int8, null) }).Save(Path.Combine(Folder, "config.json"));
        CinnabarException failure = Assert.Throws<CinnabarException>(() => ModelFolder.Open(Folder));
        Assert.Contains("weight_scale", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_UntiedModel_HasAHead()
    {
        ModelConfig config = s_config with { WeightTying = false };
        ModelFolder.Save(Folder, config, Weights(config), "{}"u8.ToArray(), null, "");
        ModelFolder model = ModelFolder.Open(Folder);
        Assert.Equal([11, 8], model.Tensors[LladaWeightNames.Head].Shape.ToArray());
        Assert.Equal(new GenerationConfig(), model.GenerationConfig);
    }

    [Fact]
    public void Save_TensorsOfAnotherModel_Throws()
    {
        Dictionary<string, Tensor> weights = Weights(s_config);
        Assert.Throws<ArgumentException>(() => ModelFolder.Save(Folder, s_config with { NumHiddenLayers = 3 }, weights, [], null, ""));
        Assert.Throws<ArgumentException>(() => ModelFolder.Save(Folder, s_config with { NumHiddenLayers = 1 }, weights, [], null, ""));
        Assert.Throws<ArgumentException>(() => ModelFolder.Save(Folder, s_config with { IntermediateSize = 13 }, weights, [], null, ""));
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void Save_OverAFolderWithOtherFiles_RefusesAndKeepsThem()
    {
        Save();
        File.WriteAllText(Path.Combine(Folder, "thesis.txt"), "years of work");
        CinnabarException error = Assert.Throws<CinnabarException>(Save);
        Assert.Contains("'thesis.txt'", error.Message, StringComparison.Ordinal);
        Assert.Equal("years of work", File.ReadAllText(Path.Combine(Folder, "thesis.txt")));
    }

    [Fact]
    public void Open_AfterAKillBetweenTheRenames_FindsTheOldModel()
    {
        Save();
        Directory.Move(Folder, Folder + ".cinnabar-old");
        Assert.Equal(s_config, ModelFolder.Open(Folder).Config);
    }

    [Theory]
    [InlineData("config.json", "the shape of the model")]
    [InlineData("tokenizer.json", "turns text into ids")]
    [InlineData("model.safetensors", "the weights")]
    public void Open_MissingFile_NamesItAndItsPurpose(string file, string purpose)
    {
        Save();
        File.Delete(Path.Combine(Folder, file));
        AssertRefused($"{Folder}: expected the file {file}", purpose, "Fetch it");
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("model.PT")]
    [InlineData("weights.pkl")]
    public void Open_OnlyPickledWeights_RefusesThem(string file)
    {
        Save();
        File.Delete(Path.Combine(Folder, "model.safetensors"));
        File.WriteAllText(Path.Combine(Folder, file), "x");
        AssertRefused($"'{file}'", "unsafe format", "never loaded", "Convert it");
    }

    [Fact]
    public void Open_SplitWeights_ReadsThemThroughTheIndex()
    {
        Save();
        IReadOnlyDictionary<string, Tensor> whole = ModelFolder.Open(Folder).Tensors;
        File.Delete(Path.Combine(Folder, "model.safetensors"));
        (string Name, Tensor Value)[] all = [.. whole.Select(tensor => (tensor.Key, tensor.Value))];
        (string Name, Tensor Value)[][] shards = [.. all.Chunk((all.Length + 1) / 2)];
        List<string> map = [];
        for (int i = 0; i < shards.Length; i++)
        {
            string file = $"model-{i}.safetensors";
            Safetensors.Write(Path.Combine(Folder, file), shards[i]);
            map.AddRange(shards[i].Select(tensor => $"\"{tensor.Name}\": \"{file}\""));
        }

        string index = Path.Combine(Folder, "model.safetensors.index.json");
        File.WriteAllText(index, $"{{\"metadata\": {{\"total_size\": 1}}, \"weight_map\": {{{string.Join(", ", map)}}}}}");
        IReadOnlyDictionary<string, Tensor> split = ModelFolder.Open(Folder).Tensors;
        Assert.All(whole, tensor => Assert.Equal(tensor.Value.Bytes.ToArray(), split[tensor.Key].Bytes.ToArray()));

        File.WriteAllText(index, "{}");
        AssertRefused("model.safetensors.index.json", "weight_map");
    }

    [Fact]
    public void Open_OtherFiles_AreNeverOpened()
    {
        Save();
        // A lock that any attempt to open these would run into; root ignores permissions but not this.
        List<FileStream> locks = [.. (
            (string[])["modeling_llada.py", "model.bin", "README.md", "special_tokens_map.json", "tokenizer.json"])
            .Select(name => new FileStream(Path.Combine(Folder, name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))];
        try
        {
            ModelFolder.Open(Folder);
        }
        finally
        {
            locks.ForEach(stream => stream.Dispose());
        }
    }

    [Fact]
    public void Open_WrongShape_NamesTensorExpectedAndFound()
    {
        Save();
        Replace(weights => weights["model.transformer.blocks.1.k_proj.weight"] = Tensor.Zeros(DType.BF16, 8, 8));
        AssertRefused(
            "model.safetensors: tensor 'model.transformer.blocks.1.k_proj.weight', offset ",
            "expected shape [4, 8] (config.json)",
            "found BF16 [8, 8]");
    }

    [Fact]
    public void Open_TransposedShape_IsRefused()
    {
        Save();
        Replace(weights => weights["model.transformer.blocks.0.ff_out.weight"] = Tensor.Zeros(12, 8));
        AssertRefused("'model.transformer.blocks.0.ff_out.weight'", "expected shape [8, 12]", "found F32 [12, 8]");
    }

    [Fact]
    public void Open_MissingTensor_NamesIt()
    {
        Save();
        Replace(weights => weights.Remove("model.transformer.ln_f.weight"));
        AssertRefused("model.safetensors: expected 20 tensors", "'model.transformer.ln_f.weight'", "none of that name");
    }

    [Fact]
    public void Open_OtherNames_ShowsBoth()
    {
        Save();
        Replace(weights =>
        {
            weights.Remove("model.transformer.wte.weight");
            weights["model.embed_tokens.weight"] = Tensor.Zeros(11, 8);
        });
        AssertRefused("'model.transformer.wte.weight'", "found 'model.embed_tokens.weight' instead");
    }

    [Fact]
    public void Open_UnexpectedTensor_NamesIt()
    {
        Save();
        Replace(weights => weights["model.transformer.ff_out.weight"] = Tensor.Zeros(11, 8));
        AssertRefused("found besides 'model.transformer.ff_out.weight'", "weight_tying");
    }

    [Fact]
    public void Open_IntegerWeights_AreRefused()
    {
        Save();
        string path = Path.Combine(Folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        int at = bytes.AsSpan().IndexOf("\"BF16\""u8);
        "\"I16\" "u8.CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(path, bytes);
        AssertRefused("F8_E4M3, F8_E5M2 or I8, found I16 [8]");
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    [InlineData("/no/such/folder")]
    public void Open_NoFolder_SaysSo(string path) =>
        Assert.Contains("model folder", Assert.Throws<CinnabarException>(() => ModelFolder.Open(path)).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_AFile_SaysSo() =>
        Assert.Contains(
            "found a file",
            Assert.Throws<CinnabarException>(() => ModelFolder.Open(_parent.Write("x", [1]))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Open_ConfigIsAFolder_SaysSo()
    {
        Save();
        File.Delete(Path.Combine(Folder, "config.json"));
        Directory.CreateDirectory(Path.Combine(Folder, "config.json"));
        AssertRefused("expected the file config.json");
    }

    public void Dispose() => _parent.Dispose();

    private static Dictionary<string, Tensor> Weights(ModelConfig config)
    {
        Random random = new(1);
        return LladaWeightNames.Expected(config).ToDictionary(weight => weight.Name, weight =>
        {
            Tensor tensor = Tensor.Zeros(weight.Shape);
            foreach (ref float value in tensor.Floats)
            {
                value = random.NextSingle() - 0.5f;
            }

            return tensor;
        });
    }

    private void Save() => ModelFolder.Save(Folder, s_config, Weights(s_config), "{}"u8.ToArray(), new GenerationConfig(), "# Tiny");

    private void Replace(Action<Dictionary<string, Tensor>> change)
    {
        Dictionary<string, Tensor> weights = Weights(s_config);
        change(weights);
        Safetensors.Write(Path.Combine(Folder, "model.safetensors"), [.. weights.Select(pair => (pair.Key, pair.Value))]);
    }

    private Dictionary<string, byte[]> Bytes() => Directory.GetFiles(Folder).ToDictionary(file => file, File.ReadAllBytes);

    private void AssertRefused(params string[] expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => ModelFolder.Open(Folder));
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }
}
