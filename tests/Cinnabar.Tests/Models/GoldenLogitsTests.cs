// The library's network against llama.cpp's logits for the same F32 weights (README of the goldens: relative L2 error 1e-5, largest 2e-4).
//
// GGUF files of this family hold the rows of q and k of each head in the order of interleaved rotary pairs; in the checkpoint layout
// the pairs are half a head apart:  row s·D/2 + i here is row 2·i + s there  (specification A.11).
using System.Buffers.Binary;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Tests.Models;

public sealed class GoldenLogitsTests
{
    private static readonly int[] s_lengths = [7, 32, 100];

    [GoldenTheory]
    [InlineData("llada-tiny-F32")]
    [InlineData("llada-tied-F32")]
    public void Logits_OfF32Weights_AreThoseOfLlamaCpp(string model)
    {
        string golden = GoldenFolder.Path!;
        using GgufFile file = GgufFile.Open(Path.Combine(golden, "models", model + ".gguf"));
        ModelConfig config = ConfigOf(file);
        Dictionary<string, Tensor> weights = WeightsOf(file, config);
        using JsonDocument description = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, model + ".json")));
        JsonElement[] sequences = [.. description.RootElement.GetProperty("sequences").EnumerateArray()];
        Assert.Equal(s_lengths, sequences.Select(sequence => sequence.GetProperty("tokens").GetArrayLength()));
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            KernelTable kernels = KernelTable.Create(threads: 2, form);
            LladaDenoiser exact = new(config, weights, kernels, MatMulPrecision.F32);
            LladaDenoiser rounded = new(config, weights, kernels);
            foreach (JsonElement sequence in sequences)
            {
                Compare(golden, sequence, exact, relative: 1e-5, largest: 2e-4, $"{model}, {form}, F32");

                // Both operands of every product are rounded to BF16: the limit that the goldens give for BF16.
                Compare(golden, sequence, rounded, relative: 3e-2, largest: double.PositiveInfinity, $"{model}, {form}, BF16");
            }
        }
    }

    private static void Compare(
        string golden, JsonElement sequence, LladaDenoiser network, double relative, double largest, string name)
    {
        int[] ids = [.. sequence.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())];
        float[] expected = ReadNpy(Path.Combine(golden, sequence.GetProperty("logits").GetString()!));
        float[] found = network.Logits(ids, [.. Enumerable.Range(0, ids.Length)]).Floats.ToArray();
        Assert.Equal(expected.Length, found.Length);
        double difference = Math.Sqrt(expected.Zip(found, (e, f) => Math.Pow((double)e - f, 2)).Sum());
        double norm = Math.Sqrt(expected.Sum(e => (double)e * e));
        double max = expected.Zip(found, (e, f) => Math.Abs((double)e - f)).Max();
        Assert.True(
            difference <= relative * norm && max <= largest,
            $"{name}, {ids.Length} tokens: relative error {difference / norm:E2}, largest {max:E2}.");
    }

    private static ModelConfig ConfigOf(GgufFile file)
    {
        int Integer(string key) => (int)file.Metadata.Integer(key);
        return new ModelConfig
        {
            HiddenSize = Integer("llada.embedding_length"),
            NumHiddenLayers = Integer("llada.block_count"),
            NumAttentionHeads = Integer("llada.attention.head_count"),
            NumKeyValueHeads = Integer("llada.attention.head_count_kv"),
            IntermediateSize = Integer("llada.feed_forward_length"),
            VocabularySize = Integer("llada.vocab_size"),
            EmbeddingSize = Integer("llada.vocab_size"),
            MaxSequenceLength = 128,
            RmsNormEps = file.Metadata.Number("llada.attention.layer_norm_rms_epsilon"),
            RopeTheta = file.Metadata.Number("llada.rope.freq_base"),
            WeightTying = !file.Tensors.ContainsKey("output.weight"),
            MaskTokenId = Integer("tokenizer.ggml.mask_token_id"),
            EosTokenId = Integer("tokenizer.ggml.eos_token_id"),
            PadTokenId = Integer("tokenizer.ggml.eos_token_id"),
        };
    }

    private static Dictionary<string, Tensor> WeightsOf(GgufFile file, ModelConfig config)
    {
        Dictionary<string, string> names = new()
        {
            [LladaWeightNames.Embedding] = "token_embd",
            [LladaWeightNames.FinalNorm] = "output_norm",
            [LladaWeightNames.Head] = "output",
        };
        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            foreach ((string ours, string theirs) in (ReadOnlySpan<(string, string)>)
                [
                    ("attn_norm", "attn_norm"), ("q_proj", "attn_q"), ("k_proj", "attn_k"), ("v_proj", "attn_v"),
                    ("attn_out", "attn_output"), ("ff_norm", "ffn_norm"), ("ff_proj", "ffn_gate"), ("up_proj", "ffn_up"),
                    ("ff_out", "ffn_down"),
                ])
            {
                names[LladaWeightNames.OfBlock(i, ours)] = $"blk.{i}.{theirs}";
            }
        }

        return LladaWeightNames.Expected(config).ToDictionary(
            weight => weight.Name,
            weight =>
            {
                float[] values = file.Read(names[weight.Name] + ".weight").Floats.ToArray();
                bool rotated = weight.Name.Contains("q_proj", StringComparison.Ordinal)
                    || weight.Name.Contains("k_proj", StringComparison.Ordinal);
                return Tensor.From(rotated ? HalvesFromPairs(values, config) : values, weight.Shape);
            });
    }

    private static float[] HalvesFromPairs(float[] values, ModelConfig config)
    {
        int width = config.HiddenSize;
        int half = config.HeadSize / 2;
        float[] result = new float[values.Length];
        for (int row = 0; row < values.Length / width; row++)
        {
            (int head, int inHead) = Math.DivRem(row, config.HeadSize);
            int from = (head * config.HeadSize) + (2 * (inHead % half)) + (inHead / half);
            values.AsSpan(from * width, width).CopyTo(result.AsSpan(row * width));
        }

        return result;
    }

    // Version 1.0 of the format: 10 bytes, a header as long as bytes 8 and 9 say, then little-endian floats.
    private static float[] ReadNpy(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int start = 10 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        float[] values = new float[(bytes.Length - start) / sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(start + (i * sizeof(float))));
        }

        return values;
    }
}
