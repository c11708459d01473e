using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Tests.Checkpoints.Gguf;

// The golden models: F32 files written by llama.cpp's gguf-py, the others made of them by its llama-quantize.
public sealed class GgufGoldenTests
{
    [GoldenTheory]
    [InlineData("llada-tiny", "F32")]
    [InlineData("dream-tiny", "F16")]
    [InlineData("rnd1-tiny", "BF16")]
    [InlineData("llada-tiny", "Q8_0")]
    [InlineData("llada-moe-tiny", "Q8_0")]
    [InlineData("dream-tiny", "Q8_0")]
    [InlineData("llada-tiny", "Q4_0")]
    [InlineData("rnd1-tiny", "Q4_0")]
    [InlineData("llada-tied", "F16")]
    public void Write_F32ModelInAnotherType_GivesTheFileOfLlamaQuantize(string model, string type)
    {
        using TemporaryFolder folder = new();
        string theirs = PathOf(model, type);
        using GgufFile wanted = GgufFile.Open(theirs);
        using GgufFile source = GgufFile.Open(PathOf(model, "F32"));
        string ours = folder["ours.gguf"];
        GgufWriter.Write(
            ours,
            wanted.Metadata,
            [
                .. wanted.Tensors.Values.Select(tensor => new GgufTensorSource(
                    tensor.Name, tensor.Type, [.. tensor.Shape.Select(size => (int)size)], Parts(source, tensor))),
            ]);
        byte[] expected = File.ReadAllBytes(theirs);
        byte[] found = File.ReadAllBytes(ours);
        Assert.Equal(expected.Length, found.Length);
        int at = expected.AsSpan().CommonPrefixLength(found);
        string? name = wanted.Tensors.Values.FirstOrDefault(tensor => at >= tensor.Offset && at < tensor.Offset + tensor.ByteCount)?.Name;
        Assert.True(at == expected.Length, $"{model}-{type}: byte {at} differs, {name ?? "outside the tensors"}.");
    }

    // Relative L2 error of the weights; measured: F16 2.1e-4, BF16 1.7e-3, Q8_0 5.6e-3, Q4_0 8.9e-2.
    [GoldenTheory]
    [InlineData("dream-tiny-F16", 4e-4)]
    [InlineData("dream-tiny-BF16", 3e-3)]
    [InlineData("dream-tiny-Q8_0", 8e-3)]
    [InlineData("dream-tiny-Q4_0", 0.12)]
    [InlineData("llada-moe-tiny-Q8_0", 8e-3)]
    [InlineData("llada-moe-tiny-Q4_0", 0.12)]
    public void Read_QuantizedModel_IsCloseToTheF32Model(string model, double largest)
    {
        using GgufFile exact = GgufFile.Open(PathOf(model[..model.LastIndexOf('-')], "F32"));
        using GgufFile file = GgufFile.Open(PathOf(model));
        foreach (GgufTensor tensor in file.Tensors.Values)
        {
            Tensor found = file.Read(tensor.Name);
            Assert.Equal(exact.Tensors[tensor.Name].Shape, tensor.Shape);
            double error = RelativeError(exact.Read(tensor.Name).Floats, found.Floats);
            Assert.True(tensor.Type == GgmlType.F32 ? error == 0 : error < largest && error > 0, $"{model}, {tensor.Name}: {error:E2}.");
            Assert.Equal(found.Floats.ToArray(), file.ReadStored(tensor.Name).To(DType.F32).Floats.ToArray());
        }
    }

    // The same random weights in two types of blocks: what one gets wrong, the other does not. Measured: 7.4e-2.
    [GoldenFact]
    public void Read_Q4_KAndQ6_K_AreCloseToEachOther()
    {
        using GgufFile coarse = GgufFile.Open(PathOf("dream-k-Q4_K"));
        using GgufFile fine = GgufFile.Open(PathOf("dream-k-Q6_K"));
        int compared = 0;
        foreach (GgufTensor tensor in coarse.Tensors.Values.Where(tensor => tensor.Type == GgmlType.Q4_K))
        {
            Assert.Equal(GgmlType.Q6_K, fine.Tensors[tensor.Name].Type);
            double error = RelativeError(fine.Read(tensor.Name).Floats, coarse.Read(tensor.Name).Floats);
            Assert.True(error is > 0.02 and < 0.11, $"{tensor.Name}: {error:E2}.");
            compared++;
        }

        Assert.True(compared >= 8);
    }

    [GoldenFact]
    public void Open_AllGoldenModels_Accepts()
    {
        string[] files = Directory.GetFiles(Path.Combine(GoldenFolder.Path!, "models"), "*.gguf");
        Assert.Equal(24, files.Length);
        foreach (string path in files)
        {
            using GgufFile file = GgufFile.Open(path);
            Assert.Equal(320, file.Metadata.Texts("tokenizer.ggml.tokens").Count);
            Assert.Equal(ReferenceGguf.Read(File.ReadAllBytes(path))?.Count, file.Tensors.Count);
        }
    }

    private static IEnumerable<Tensor> Parts(GgufFile source, GgufTensor tensor)
    {
        if (tensor.Shape.Count < 3)
        {
            yield return source.Read(tensor.Name);
            yield break;
        }

        for (int slice = 0; slice < tensor.Shape[0]; slice++)
        {
            yield return source.Read(tensor.Name, slice);
        }
    }

    private static double RelativeError(ReadOnlySpan<float> exact, ReadOnlySpan<float> found)
    {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            difference += Math.Pow((double)exact[i] - found[i], 2);
            norm += (double)exact[i] * exact[i];
        }

        return Math.Sqrt(difference / norm);
    }

    private static string PathOf(string model, string type) => PathOf($"{model}-{type}");

    private static string PathOf(string model) => Path.Combine(GoldenFolder.Path!, "models", $"{model}.gguf");
}
