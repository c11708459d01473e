// The library's networks against llama.cpp's logits for the same GGUF files, of every architecture and weight type there is.
//
//   exact    F32 products of the exact values: relative L2 error 1e-5 against the logits of exact weights
//   engine   matrices in the engine's forms: the limits for "engine vs native" of the goldens' README, against the logits of exact weights,
//            which both approximate. With experts a rounding may choose another one, so rows are counted instead.
using System.Buffers.Binary;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Tests.Models;

public sealed class GoldenLogitsTests
{
    private const double ExactBound = 1e-5;
    private const double MixedRowBound = 0.06;
    private const double MixedRowShare = 0.1;

    public static TheoryData<string> Models
    {
        get
        {
            TheoryData<string> names = [];
            foreach (string file in GoldenFolder.Path is string golden ? Directory.GetFiles(Path.Combine(golden, "models")) : [])
            {
                names.Add(Path.GetFileNameWithoutExtension(file));
            }

            if (names.Count == 0)
            {
                names.Add("none");
            }

            return names;
        }
    }

    [GoldenTheory]
    [MemberData(nameof(Models))]
    public void Logits_OfExactWeights_AreThoseOfLlamaCpp(string model)
    {
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            IDenoiser network = Open(model, WeightForm.Exact, KernelTable.Create(threads: 1, form));
            foreach ((int[] ids, float[] expected) in Sequences(model))
            {
                double error = RelativeError(expected, AllRows(network, ids));
                Assert.True(error <= ExactBound, $"{model}, {form}, {ids.Length} tokens: relative error {error:E2}.");
            }
        }
    }

    [GoldenTheory]
    [MemberData(nameof(Models))]
    public void Logits_OfEngineForms_AreAsNearAsLlamaCpp(string model)
    {
        IDenoiser network = Open(model, WeightForm.AsStored, KernelTable.Create(threads: 1));
        double bound = model[(model.LastIndexOf('-') + 1)..] switch
        {
            "F16" => 4e-3,
            "F32" or "BF16" => 3e-2,
            "Q8_0" or "Q4_0" => 6e-2,
            _ => 7e-2,
        };
        bool hasExperts = network is TransformerDenoiser { Config.Experts: not null };
        int rows = 0, off = 0;
        foreach ((int[] ids, float[] expected) in Sequences(model))
        {
            float[] found = AllRows(network, ids);
            int width = expected.Length / ids.Length;
            rows += ids.Length;
            off += Enumerable.Range(0, ids.Length).Count(row =>
                RelativeError(expected.AsSpan(row * width, width), found.AsSpan(row * width, width)) > MixedRowBound);
            double error = RelativeError(expected, found);
            Assert.True(hasExperts || error <= bound, $"{model}, {ids.Length} tokens: relative error {error:E2}, bound {bound}.");
        }

        Assert.True(!hasExperts || off <= MixedRowShare * rows, $"{model}: {off} of {rows} rows are off.");
    }

    private static IDenoiser Open(string model, WeightForm form, KernelTable kernels) =>
        OpenPath(Path.Combine(GoldenFolder.Path!, "models", model + ".gguf"), form, kernels);

    /// <summary>The largest relative error of the logits of exact weights of a golden model that was written elsewhere.</summary>
    internal static double ErrorOf(string path, string model)
    {
        IDenoiser network = OpenPath(path, WeightForm.Exact, KernelTable.Create(threads: 1));
        return Sequences(model).Max(sequence => RelativeError(sequence.Logits, AllRows(network, sequence.Ids)));
    }

    private static IDenoiser OpenPath(string path, WeightForm form, KernelTable kernels)
    {
        Checkpoint checkpoint = Checkpoint.Open(path);
        using ModelWeights weights = checkpoint.OpenWeights();

        // The goldens hold the outputs of the positions themselves.
        return checkpoint.Config.Family.CreateNetwork(
            checkpoint.Config with { ShiftLogits = false },
            name => weights.Read(name, form),
            kernels,
            form == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16);
    }

    private static float[] AllRows(IDenoiser network, int[] ids) =>
        network.Logits(ids, [.. Enumerable.Range(0, ids.Length)]).Floats.ToArray();

    private static IEnumerable<(int[] Ids, float[] Logits)> Sequences(string model)
    {
        string golden = GoldenFolder.Path!;
        using JsonDocument description = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, model + ".json")));
        foreach (JsonElement sequence in description.RootElement.GetProperty("sequences").EnumerateArray())
        {
            string file = (sequence.TryGetProperty("logits_exact_weights", out JsonElement exact) ? exact : sequence.GetProperty("logits"))
                .GetString()!;
            yield return (
                [.. sequence.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())], ReadNpy(Path.Combine(golden, file)));
        }
    }

    private static double RelativeError(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        Assert.Equal(expected.Length, found.Length);
        double difference = 0, size = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)expected[i] - found[i], 2);
            size += Math.Pow(expected[i], 2);
        }

        return Math.Sqrt(difference / size);
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
