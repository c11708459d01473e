using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Tests.Models.Gemma;

/// <summary>The network against <see cref="PlainGemma"/>: known text shorter and longer than the window, two canvases with conditioning.</summary>
public sealed class GemmaDenoiserTests
{
    private static readonly int[] s_first = [3, 200, 17, 41, 8, 8, 299, 5, 60, 61, 62];
    private static readonly int[] s_canvas = [0, 299, 12, 77, 12, 150, 9, 33];

    [Theory]
    [InlineData(KernelForm.Reference, 0)]
    [InlineData(KernelForm.Reference, 11)]
    [InlineData(KernelForm.Vector, 3)]
    [InlineData(KernelForm.Vector, 11)]
    [InlineData(KernelForm.Jit, 0)]
    [InlineData(KernelForm.Jit, 11)]
    public void Logits_OfTwoConditionedCanvases_AreThoseOfThePlainNetwork(KernelForm form, int known)
    {
        using TinyGemma model = new();
        foreach ((double[] expected, float[] found) in Passes(model, WeightForm.Exact, form, s_first[..known]))
        {
            Assert.InRange(RelativeError(expected, found), 0, 2e-5);
        }
    }

    // A rounding may make the router choose another expert for a token of the known text, which changes all rows a little: the best quarter
    // of the rows counts. A blunder changes them all.
    [Theory]
    [InlineData(WeightForm.AsStored, 0.03)]
    [InlineData(WeightForm.Int8, 0.1)]
    public void Logits_OfRoundedWeights_AreNearInManyRows(WeightForm form, double bound)
    {
        using TinyGemma model = new(DType.BF16);
        double[] errors =
        [
            .. Passes(model, form, KernelForm.Jit, s_first).SelectMany(pass => pass.Expected.Chunk(TinyGemma.Vocabulary)
                .Zip(pass.Found.Chunk(TinyGemma.Vocabulary), RelativeError)).Order(),
        ];
        Assert.InRange(errors[errors.Length / 4], 1e-6, bound);
    }

    [Fact]
    public void Logits_AnyThreads_AreTheSameBits()
    {
        using TinyGemma model = new(DType.BF16);
        float[][] expected = [.. Passes(model, WeightForm.AsStored, KernelForm.Jit, s_first, threads: 1).Select(pass => pass.Found)];
        foreach (int threads in (int[])[2, 5])
        {
            float[][] found = [.. Passes(model, WeightForm.AsStored, KernelForm.Jit, s_first, threads).Select(pass => pass.Found)];
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public void Append_TokenByTokenOrAtOnce_GivesTheSameText()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.Exact, KernelTable.Create(threads: 1));
        IUniformContext whole = network.Open();
        whole.Append(s_first);
        double[] expected = Array.ConvertAll(whole.Logits(s_canvas).Floats.ToArray(), logit => (double)logit);
        IUniformContext pieces = network.Open();
        foreach (int id in s_first)
        {
            pieces.Append([id]);
        }

        Assert.Equal(s_first.Length, pieces.Length);
        Assert.InRange(RelativeError(expected, pieces.Logits(s_canvas).Floats.ToArray()), 0, 1e-5);
    }

    [Fact]
    public void Logits_OfIds_TakeTheLastOnesAsCanvas()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.Exact, KernelTable.Create(threads: 1));
        IUniformContext context = network.Open();
        context.Append(s_first);
        float[] expected = context.Logits(s_canvas).Row(2).ToArray();
        int[] ids = [.. s_first, .. s_canvas];
        Assert.Equal(expected, network.Logits(ids, [s_first.Length + 2]).Floats.ToArray());
        Assert.Throws<ArgumentException>(() => network.Logits(ids, [s_first.Length - 1]));
    }

    [Fact]
    public void Logits_LastPositionOfWindowAndOneBefore_MatterAndDoNot()
    {
        using TinyGemma model = new();

        // With the one full layer read by nobody, what a canvas sees is the window of the sliding ones.
        foreach (string name in (string[])["self_attn.o_proj.weight", "experts.down_proj", "mlp.down_proj.weight"])
        {
            model.Tensors[$"model.decoder.layers.1.{name}"].Floats.Clear();
        }

        PlainGemma changed = new(model.Tensors);
        changed.Append([100, 100, .. s_first[2..]]);
        PlainGemma plain = new(model.Tensors);
        plain.Append(s_first);

        // Two sliding layers reach two windows back: 2·4 positions before the canvas, of 11 known ones.
        Assert.Equal(plain.Logits(s_canvas, null)[0], changed.Logits(s_canvas, null)[0]);
        PlainGemma near = new(model.Tensors);
        near.Append([.. s_first[..^5], 100, .. s_first[^4..]]);
        Assert.NotEqual(plain.Logits(s_canvas, null)[0], near.Logits(s_canvas, null)[0]);
    }

    [Fact]
    public void CheckText_ImagesAndForeignIds_AreRefused()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.AsStored, KernelTable.Create(threads: 1));
        network.CheckText([0, 299]);
        Assert.Contains("290", Assert.Throws<CinnabarException>(() => network.CheckText([5, TinyGemma.ImageToken])).Message);
        Assert.Contains("300", Assert.Throws<CinnabarException>(() => network.CheckText([300])).Message);
        IUniformContext context = network.Open();
        Assert.Contains("64", Assert.Throws<CinnabarException>(() => context.Append(new int[65])).Message);
        Assert.Throws<ArgumentException>(() => context.Logits(new int[9]));
        Assert.Throws<InvalidOperationException>(() => context.Condition(1));
    }

    // Two passes over a canvas, then, behind it, two over another: what the plain network says and what the library says.
    private static IEnumerable<(double[] Expected, float[] Found)> Passes(
        TinyGemma model, WeightForm form, KernelForm kernelForm, int[] known, int threads = 1)
    {
        KernelTable kernels = KernelTable.Create(threads, kernelForm);
        PlainGemma plain = new(model.Tensors);
        IUniformContext context = model.Network(form, kernels).Open();
        for (int canvas = 0; canvas < 2; canvas++)
        {
            int[] text = canvas == 0 ? known : [.. s_canvas.Reverse()];
            plain.Append(text);
            context.Append(text);
            double[][]? prediction = null;
            for (int pass = 0; pass < 3; pass++)
            {
                int[] ids = [.. s_canvas.Select(id => (id + (100 * pass)) % TinyGemma.Vocabulary)];
                double[][] expected = plain.Logits(ids, prediction);
                yield return ([.. expected.SelectMany(row => row)], context.Logits(ids).Floats.ToArray());
                double temperature = 0.8 - (0.1 * pass);
                prediction = [.. expected.Select(row => PlainGemma.Softmax([.. row.Select(logit => logit / temperature)]))];
                context.Condition(temperature);
            }
        }

        kernels.Workers.Dispose();
    }

    private static double RelativeError(double[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        double error = Math.Sqrt(expected.Zip(found, (x, y) => (x - y) * (x - y)).Sum());
        return error / Math.Sqrt(expected.Sum(x => x * x));
    }
}
