using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Models.Plain;

namespace Cinnabar.Tests.Checkpoints.Conversion;

public sealed class QuantizedExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Families => [.. PlainModels.Transformers.Keys, .. PlainModels.DiffusionTransformers.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void Write_Int8OfAnyFamily_GivesItsRoundedWeights(string family)
    {
        PlainModel plain = PlainModels.Get(family);
        using PlainFolder folder = new(plain.Config, plain.Weights);
        ModelFolder source = ModelFolder.Open(folder.Path);
        QuantizedExport.Write(source, _folder["int8"], WeightQuantization.For(DType.Int8, source.Config), "# card");

        Checkpoint found = Checkpoint.Open(_folder["int8"]);
        Assert.Equal(new WeightQuantization(DType.Int8, null), found.Config.Quantization);
        AssertRounded(source, found, DType.Int8, group: null);
        AssertCloseLogits(LogitsOf(source, WeightForm.Exact), LogitsOf(found, WeightForm.AsStored), found.Config.Experts is null ? 0.1 : 1);
        using (SafetensorsFile file = SafetensorsFile.Open(_folder["int8/model.safetensors"]))
        {
            // Buffers that are not read are not copied either.
            Assert.All(
                plain.Tensors.Where(tensor => !found.Config.Family.Ignores(tensor.Name, found.Config)),
                tensor => Assert.True(file.Tensors.ContainsKey(tensor.Name), tensor.Name));
        }

        Assert.Equal("# card", File.ReadAllText(_folder["int8/README.md"]));

        // All other keys of config.json as they were; a block that it left to the folder's name is written down.
        int more = source.Config.AttentionBlockIsAssumed ? 2 : 1;
        using JsonDocument before = JsonDocument.Parse(plain.Config);
        using JsonDocument after = JsonDocument.Parse(File.ReadAllBytes(_folder["int8/config.json"]));
        Assert.Equal(before.RootElement.EnumerateObject().Count() + more, after.RootElement.EnumerateObject().Count());
        Assert.All(
            before.RootElement.EnumerateObject(),
            key => Assert.True(JsonElement.DeepEquals(key.Value, after.RootElement.GetProperty(key.Name)), key.Name));
    }

    [Fact]
    public void Write_Int4OfSeveralMatricesInOneTensor_GivesItsRoundedWeights()
    {
        // Sizes of multiples of 16 in LLaDA2: q, k and v in one matrix, a shared expert, routers that stay.
        string config = PlainConfigs.Llada2
            .Replace("\"hidden_size\": 60", "\"hidden_size\": 64", StringComparison.Ordinal)
            .Replace("\"head_dim\": 12", "\"head_dim\": 16", StringComparison.Ordinal)
            .Replace("\"intermediate_size\": 44", "\"intermediate_size\": 48", StringComparison.Ordinal)
            .Replace("\"moe_intermediate_size\": 20", "\"moe_intermediate_size\": 32", StringComparison.Ordinal);
        ModelConfig parsed = ModelConfig.Parse("config.json", System.Text.Encoding.UTF8.GetBytes(config));
        using PlainFolder folder = new(
            config,
            PlainWeights.Random(
                [.. StoredTensor.All(parsed).Select(tensor => new PlainTensor(tensor.Name, tensor.Shape))], 3));
        ModelFolder source = ModelFolder.Open(folder.Path);
        WeightQuantization quantization = WeightQuantization.For(DType.Int4, source.Config);
        Assert.Equal(16, quantization.GroupSize);
        QuantizedExport.Write(source, _folder["int4"], quantization, "");

        Checkpoint found = Checkpoint.Open(_folder["int4"]);
        Assert.Equal(quantization, found.Config.Quantization);
        AssertRounded(source, found, DType.Int4, group: 16);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(_folder["int4/config.json"]));
        JsonElement ignore = json.RootElement.GetProperty("quantization_config").GetProperty("ignore");
        string[] ignored = [.. ignore.EnumerateArray().Select(module => module.GetString()!)];
        Assert.Equal(["model.word_embeddings", "lm_head", "model.layers.1.mlp.gate", "model.layers.2.mlp.gate"], ignored);
    }

    [Fact]
    public void Write_GroupsThatDoNotFit_IsRefused()
    {
        PlainModel plain = PlainModels.Transformer("sdar");
        using PlainFolder folder = new(plain.Config, plain.Weights);
        ModelFolder source = ModelFolder.Open(folder.Path);
        foreach ((WeightQuantization quantization, string expected) in ((WeightQuantization, string)[])
        [
            (new(DType.Int4, 32), "found groups of 32"),
            (new(DType.Int4, null), "a group_size for weights of 4 bits"),
            (new(DType.Int8, 4), "groups of 4"),
        ])
        {
            CinnabarException error = Assert.Throws<CinnabarException>(() => QuantizedExport.Write(source, _folder["x"], quantization, ""));
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        }

        Assert.Contains(
            "found rows of", Assert.Throws<CinnabarException>(() => WeightQuantization.For(DType.Int4, source.Config)).Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Write_OverAFolderWithOtherFiles_IsRefused()
    {
        PlainModel plain = PlainModels.Transformer("sdar");
        using PlainFolder folder = new(plain.Config, plain.Weights);
        Directory.CreateDirectory(_folder["x"]);
        File.WriteAllText(_folder["x/thesis.tex"], "");
        ModelFolder source = ModelFolder.Open(folder.Path);
        Assert.Contains(
            "found 'thesis.tex'",
            Assert.Throws<CinnabarException>(() => QuantizedExport.Write(source, _folder["x"], new(DType.Int8, null), "")).Message,
            StringComparison.Ordinal);
        Assert.Equal([_folder["x"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    // Known positions of a diffusion transformer have infinite logits. A rounding may choose another expert.
    private static void AssertCloseLogits(float[] expected, float[] found, double bound)
    {
        Assert.Equal(expected.Select(float.IsFinite), found.Select(float.IsFinite));
        (float Expected, float Found)[] finite = [.. expected.Zip(found).Where(pair => float.IsFinite(pair.First))];
        double error = finite.Sum(pair => Math.Pow(pair.Expected - pair.Found, 2)) / finite.Sum(pair => Math.Pow(pair.Expected, 2));
        Assert.InRange(Math.Sqrt(error), 1e-5, bound);
    }

    private static float[] LogitsOf(Checkpoint checkpoint, WeightForm form)
    {
        using ModelWeights weights = checkpoint.OpenWeights();
        IDenoiser network = checkpoint.Config.Family.CreateNetwork(
            checkpoint.Config,
            name => weights.Read(name, form),
            KernelTable.Create(threads: 1),
            form == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16);
        return network.Logits([5, 6, network.MaskTokenId, 7], [1, 2]).Floats.ToArray();
    }

    private static void AssertRounded(Checkpoint source, Checkpoint found, DType type, int? group)
    {
        using ModelWeights exact = source.OpenWeights();
        using ModelWeights rounded = found.OpenWeights();
        int integers = 0;
        foreach (NetworkWeight weight in source.Config.Family.Weights(source.Config))
        {
            Tensor expected = exact.Read(weight.Name);
            if (found.Config.Quantization!.StoredType(weight).IsInteger())
            {
                expected = expected.Quantize(type, group ?? expected.Columns);
                integers++;
            }

            Tensor actual = rounded.Read(weight.Name);
            Assert.Equal(expected.ToString(), actual.ToString());
            Assert.Equal(expected.Bytes.ToArray(), actual.Bytes.ToArray());
            Assert.Equal(expected.Scales?.Floats.ToArray(), actual.Scales?.Floats.ToArray());
        }

        Assert.True(integers > 10);
    }
}
