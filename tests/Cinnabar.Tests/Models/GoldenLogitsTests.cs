// The library's networks against llama.cpp's logits for the same GGUF files, of every architecture and weight type there is.
//
//   exact    F32 products of the exact values: relative L2 error 1e-5 against the logits of exact weights
//   engine   matrices in the engine's forms: the limits for "engine vs native" of the goldens' README, against the logits of exact weights,
//            which both approximate. With experts a rounding may choose another one, so rows are counted instead.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
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
            foreach ((int[] ids, float[] expected) in GoldenLogits.Sequences(model))
            {
                double error = GoldenLogits.RelativeError(expected, GoldenLogits.AllRows(network, ids));
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
        foreach ((int[] ids, float[] expected) in GoldenLogits.Sequences(model))
        {
            float[] found = GoldenLogits.AllRows(network, ids);
            int width = expected.Length / ids.Length;
            rows += ids.Length;
            off += Enumerable.Range(0, ids.Length).Count(row =>
                GoldenLogits.RelativeError(expected.AsSpan(row * width, width), found.AsSpan(row * width, width)) > MixedRowBound);
            double error = GoldenLogits.RelativeError(expected, found);
            Assert.True(hasExperts || error <= bound, $"{model}, {ids.Length} tokens: relative error {error:E2}, bound {bound}.");
        }

        Assert.True(!hasExperts || off <= MixedRowShare * rows, $"{model}: {off} of {rows} rows are off.");
    }

    private static IDenoiser Open(string model, WeightForm form, KernelTable kernels) =>
        GoldenLogits.Open(GoldenLogits.PathOf(model), form, kernels);
}
