// The plain networks themselves: against llama.cpp's logits where goldens exist, and every switch of every family changes the logits by far
// more than the bound the library is held to, so that a network without it could not pass.
using System.Text.Json;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;
using Cinnabar.Tests.Sampling.Golden;
using static Cinnabar.Tests.Models.Plain.PlainFormulas;

namespace Cinnabar.Tests.Models.Plain;

public sealed class PlainNetworkTests
{
    private const double Noticed = 1e-3;

    // One of each family, without the variants.
    public static TheoryData<string> Transformers => [.. PlainModels.Transformers.Keys.Where(name => !name.Contains(','))];

    [Theory]
    [MemberData(nameof(Transformers))]
    public void Transformer_EachSwitch_Matters(string name)
    {
        (_, PlainTransformerShape shape) = PlainModels.Transformers[name];
        PlainWeights weights = PlainModels.Get(name).Weights;
        Random random = new(8);
        int[] ids = [.. Enumerable.Range(0, 11 + (shape.BlockSize ?? 0)).Select(_ => random.Next(shape.Vocabulary))];
        double[][] expected = new PlainTransformer(shape, weights).Logits(ids);
        Assert.All(Changes(shape), change =>
        {
            double[][] other = new PlainTransformer(change.Shape, weights).Logits(ids);
            Assert.True(RelativeError(expected, other) > Noticed, $"{name} does not depend on {change.Switch}.");
        });
    }

    private static IEnumerable<(string Switch, PlainTransformerShape Shape)> Changes(PlainTransformerShape shape)
    {
        yield return ("the attention mask", shape with { BlockSize = shape.BlockSize is null ? 4 : null });
        yield return ("the base of the rotary embedding", shape with { Theta = 10 * shape.Theta });
        yield return ("the part of a head that turns", shape with { RotaryDim = shape.RotaryDim - 2 });
        yield return ("the epsilon", shape with { Epsilon = 1e-6 });
        yield return ("the shift", shape with { Shifts = !shape.Shifts });
        if (shape.NormsHeads)
        {
            yield return ("the norms of heads", shape with { NormsHeads = false });
        }

        if (shape.HasQkvBias)
        {
            yield return ("the biases", shape with { HasQkvBias = false });
        }

        if (shape.Router is PlainRouter router)
        {
            yield return ("renormalisation", shape with { Router = router with { Renormalises = !router.Renormalises } });
            yield return ("the number of experts", shape with { Router = router with { Chosen = router.Chosen - 1 } });
            yield return ("the score", shape with { Router = router with { IsSigmoid = !router.IsSigmoid } });
            yield return ("the factor", shape with { Router = router with { Factor = 2 } });
            if (router.Groups > 1)
            {
                yield return ("the groups", shape with { Router = router with { ChosenGroups = router.Groups } });
                yield return ("the bias of the router", shape with { Router = router with { HasBias = false } });
                yield return ("the shared expert", shape with { SharedWidth = 0 });
            }
        }
    }

    [Fact]
    public void DiffusionTransformer_EachSwitchAndTensor_Matters()
    {
        PlainDiffusionTransformerShape shape = PlainModels.DiffusionTransformerShape(PlainConfigs.Bd3lm);
        PlainModel model = PlainModels.Get("bd3lm");
        PlainWeights weights = model.Weights;
        int[] ids = [7, 642, 100, 5, 642, 642, 31, 8, 9, 642];
        double[][] expected = new PlainDiffusionTransformer(shape, weights).Logits(ids);
        Notice(new PlainDiffusionTransformer(shape with { BlockSize = null }, weights).Logits(ids), "the attention mask");
        Notice(new PlainDiffusionTransformer(shape with { Heads = shape.Heads / 2 }, weights).Logits(ids), "the number of heads");
        Notice(new PlainDiffusionTransformer(shape, weights).Logits(ids, sigma: 0.5), "the time");
        foreach (PlainTensor tensor in model.Tensors.Where(tensor => tensor.Values is null))
        {
            Notice(new PlainDiffusionTransformer(shape, weights.WithHalfChanged(tensor.Name)).Logits(ids), tensor.Name);
        }

        void Notice(double[][] found, string what) =>
            Assert.True(RelativeError(expected, found) > Noticed, $"The logits do not depend on {what}.");
    }

    [Fact]
    public void Router_BestExpertOutsideTheBestGroups_IsNotChosen()
    {
        // Groups of 3; sums of the two largest: 0.9 + 0.1, 0.6 + 0.6, 0.7 + 0.2, 0.5 + 0.6.
        double[] p = [0.9, 0.1, 0.1, 0.6, 0.6, 0.1, 0.7, 0.2, 0.1, 0.5, 0.6, 0.3];
        double[] logits = [.. p.Select(value => Math.Log(value / (1 - value)))];
        PlainRouter router = new(12, 3) { Groups = 4, ChosenGroups = 2, IsSigmoid = true, Renormalises = true, Factor = 2.5 };
        (int Expert, double Weight)[] chosen = router.Choose(logits, null);
        Assert.Equal([3, 4, 10], chosen.Select(choice => choice.Expert).Order());
        Assert.All(chosen, choice => Assert.Equal(2.5 / 3, choice.Weight, 1e-12));

        // A bias chooses but does not weigh: expert 11 comes before 10.
        double[] bias = [.. Enumerable.Range(0, 12).Select(i => i == 11 ? 0.4 : 0)];
        chosen = router.Choose(logits, bias);
        Assert.Equal([3, 4, 11], chosen.Select(choice => choice.Expert).Order());
        Assert.Equal(0.3 / 1.5 * 2.5, chosen.Single(choice => choice.Expert == 11).Weight, 1e-12);
    }

    [GoldenTheory]
    [InlineData("llada-tiny-F32")]
    [InlineData("dream-tiny-F32")]
    [InlineData("llada-moe-tiny-F32")]
    [InlineData("rnd1-tiny-F32")]
    public void Transformer_OfGolden_HasLogitsOfLlamaCpp(string model)
    {
        string golden = GoldenFolder.Path!;
        PlainTransformer network = Golden(Path.Combine(golden, "models", model + ".gguf"));
        using JsonDocument description = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, model + ".json")));
        foreach (JsonElement sequence in description.RootElement.GetProperty("sequences").EnumerateArray().Take(2))
        {
            int[] ids = [.. sequence.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())];
            double[][] expected = ReadNpy(Path.Combine(golden, sequence.GetProperty("logits").GetString()!), ids.Length);
            double error = RelativeError(expected, network.OwnRows(ids));
            Assert.True(error < 1e-6, $"{model}, {ids.Length} tokens: relative error {error:E2}.");
        }
    }

    // Under the published names, with the rows of LLaDA's q and k back in their order (specification A.11).
    private static PlainTransformer Golden(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        string kind = file.Metadata.Text("general.architecture");
        int Integer(string key) => (int)(file.Metadata.OptionalInteger($"{kind}.{key}") ?? 0);
        int heads = Integer("attention.head_count"), hidden = Integer("embedding_length");
        int size = Integer("attention.key_length") is > 0 and int given ? given : hidden / heads;
        bool isLlada = kind == "llada", isMixed = kind is "llada-moe" or "rnd1";
        PlainTransformerShape shape = new()
        {
            Layout = isLlada ? PlainLayout.Llada : PlainLayout.Qwen,
            Hidden = hidden,
            Layers = Integer("block_count"),
            Heads = heads,
            KeyHeads = Integer("attention.head_count_kv"),
            HeadDim = size,
            RotaryDim = size,
            Width = Integer("feed_forward_length"),
            Vocabulary = (int)file.Tensors["token_embd.weight"].Shape[0],
            Epsilon = file.Metadata.Number($"{kind}.attention.layer_norm_rms_epsilon"),
            Theta = file.Metadata.Number($"{kind}.rope.freq_base"),
            HasQkvBias = kind == "dream",
            NormsHeads = isMixed,
            Router = isMixed
                ? new PlainRouter(Integer("expert_count"), Integer("expert_used_count")) { Renormalises = kind == "rnd1" }
                : null,
            ExpertWidth = Integer("expert_feed_forward_length"),
        };
        PlainWeights weights = new();
        foreach (PlainTensor tensor in shape.Tensors())
        {
            weights.Add(tensor.Name, Read(file, tensor.Name, isLlada ? size : 0));
        }

        return new PlainTransformer(shape, weights);
    }

    private static Tensor Read(GgufFile file, string name, int interleavedHead)
    {
        string[] parts = name.Split('.');
        int layer = Array.FindIndex(parts, (string part) => part is "layers" or "blocks");
        if (layer < 0)
        {
            return file.Read(name.Contains("wte") || name.Contains("embed_tokens") ? "token_embd.weight"
                : name.Contains("norm") || name.Contains("ln_f") ? "output_norm.weight" : "output.weight");
        }

        string block = $"blk.{parts[layer + 1]}.", end = string.Join('.', parts[(layer + 2)..]);
        if (parts.Contains("experts"))
        {
            return file.Read($"{block}ffn_{parts[^2].Split('_')[0]}_exps.weight", int.Parse(parts[^3], null));
        }

        string own = end[(end.IndexOf('.') is > 0 and int dot && end.StartsWith("self_attn", StringComparison.Ordinal) ? dot + 1 : 0)..];
        Tensor tensor = file.Read(block + own switch
        {
            "attn_norm.weight" or "input_layernorm.weight" => "attn_norm.weight",
            "ff_norm.weight" or "post_attention_layernorm.weight" => "ffn_norm.weight",
            "attn_out.weight" or "o_proj.weight" => "attn_output.weight",
            "q_norm.weight" or "k_norm.weight" => "attn_" + own,
            "ff_proj.weight" or "mlp.gate_proj.weight" => "ffn_gate.weight",
            "up_proj.weight" or "mlp.up_proj.weight" => "ffn_up.weight",
            "ff_out.weight" or "mlp.down_proj.weight" => "ffn_down.weight",
            "mlp.gate.weight" => "ffn_gate_inp.weight",
            _ => "attn_" + own.Replace("_proj", "", StringComparison.Ordinal),
        });
        return interleavedHead > 0 && own is "q_proj.weight" or "k_proj.weight" ? Halves(tensor, interleavedHead) : tensor;
    }

    // Row 2i + j of a head becomes row j · size / 2 + i.
    private static Tensor Halves(Tensor tensor, int size) => tensor.SelectRows(
        [.. Enumerable.Range(0, tensor.Rows).Select(row => (row / size * size) + (2 * (row % (size / 2))) + (row % size / (size / 2)))]);

    private static double[][] ReadNpy(string path, int rows)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int start = 10 + BitConverter.ToUInt16(bytes, 8);
        int count = (bytes.Length - start) / sizeof(float);
        IEnumerable<double> values = Enumerable.Range(0, count).Select(i => (double)BitConverter.ToSingle(bytes, start + (4 * i)));
        return [.. values.Chunk(count / rows)];
    }
}
