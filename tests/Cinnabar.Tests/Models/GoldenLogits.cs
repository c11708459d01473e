using System.Buffers.Binary;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Tests.Models;

/// <summary>Reads llama.cpp's logits and compares networks with them.</summary>
internal static class GoldenLogits
{
    /// <summary>The golden's own file.</summary>
    public static string PathOf(string model) => Path.Combine(GoldenFolder.Path!, "models", model + ".gguf");

    /// <summary>The largest relative error of the logits of exact weights of a golden model that was written elsewhere.</summary>
    public static double ErrorOf(string path, string model, KernelTable? kernels = null)
    {
        IDenoiser network = Open(path, WeightForm.Exact, kernels ?? KernelTable.Create(threads: 1));
        return Sequences(model).Max(sequence => RelativeError(sequence.Logits, AllRows(network, sequence.Ids)));
    }

    public static IDenoiser Open(string path, WeightForm form, KernelTable kernels)
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

    public static float[] AllRows(IDenoiser network, int[] ids) =>
        network.Logits(ids, [.. Enumerable.Range(0, ids.Length)]).Floats.ToArray();

    public static IEnumerable<(int[] Ids, float[] Logits)> Sequences(string model)
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

    public static double RelativeError(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        Assert.Equal(expected.Length, found.Length);
        double difference = 0, size = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)expected[i] - found[i], 2);
            size += Math.Pow(expected[i], 2);
        }

        double error = Math.Sqrt(difference / size);
        Assert.False(double.IsNaN(error)); // which is neither above a bound nor the largest of several
        return error;
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
