using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Tests.Models.Plain;

namespace Cinnabar.Tests.Models.Gemma;

/// <summary>The network against the formulas: known text shorter and longer than the window, two canvases with self-conditioning.</summary>
public sealed class GemmaDenoiserTests
{
    private static readonly int[] s_text = [3, 200, 17, 41, 8, 8, 299, 5, 60, 61, 62, 600, 599, 31];
    private static readonly int[] s_canvas = [0, 299, 12, 77, 12, 150, 9, 33, 639];

    [Theory]
    [InlineData(KernelForm.Reference, 0)]
    [InlineData(KernelForm.Reference, 14)]
    [InlineData(KernelForm.Vector, 3)]
    [InlineData(KernelForm.Vector, 14)]
    [InlineData(KernelForm.Jit, 0)]
    [InlineData(KernelForm.Jit, 14)]
    public void Logits_OfTwoConditionedCanvases_AreThoseOfTheFormulas(KernelForm form, int known)
    {
        using TinyGemma model = new();
        foreach ((double[][] expected, double[][] found) in Passes(model, WeightForm.Exact, form, s_text[..known]))
        {
            Assert.InRange(PlainFormulas.RelativeError(expected, found), 0, 5e-5);
        }
    }

    // Where each token takes all experts, no rounding can make the router choose another one. Half of the rows are at most so far off.
    [Theory]
    [InlineData(WeightForm.AsStored, 0.04)]
    [InlineData(WeightForm.Int8, 0.2)]
    public void Logits_OfRoundedWeights_AreNear(WeightForm form, double bound)
    {
        using TinyGemma model = new(DType.BF16, PlainModels.Gemma.Experts);
        double[] errors =
        [
            .. Passes(model, form, KernelForm.Jit, s_text).SelectMany(pass => pass.Expected.Zip(
                pass.Found, (expected, found) => PlainFormulas.RelativeError([expected], [found]))).Order(),
        ];
        Assert.InRange(errors[errors.Length / 2], 1e-6, bound);
    }

    [Fact]
    public void Logits_AnyThreads_AreTheSameBits()
    {
        using TinyGemma model = new(DType.BF16);
        double[][][] expected = [.. Passes(model, WeightForm.AsStored, KernelForm.Jit, s_text, threads: 1).Select(pass => pass.Found)];
        foreach (int threads in (int[])[2, 5])
        {
            Assert.Equal(expected, Passes(model, WeightForm.AsStored, KernelForm.Jit, s_text, threads).Select(pass => pass.Found));
        }
    }

    // Many windows long, so that sliding layers drop what they cannot see.
    [Fact]
    public void Append_TokenByTokenOrInPieces_GivesTheSameText()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.Exact, KernelTable.Create(threads: 1));
        int[] text = [.. Enumerable.Range(0, 100).Select(i => (i * 37) % 640)];
        IUniformContext whole = network.Open();
        whole.Append(text);
        double[][] expected = Rows(whole.Logits(s_canvas));
        IUniformContext pieces = network.Open();
        foreach (int[] piece in text.Chunk(1).Take(30).Append(text[30..33]).Append(text[33..]))
        {
            pieces.Append(piece);
        }

        Assert.InRange(PlainFormulas.RelativeError(expected, Rows(pieces.Logits(s_canvas))), 0, 1e-5);
    }

    [Fact]
    public void Logits_OfIds_TakeTheLastOnesAsCanvas()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.Exact, KernelTable.Create(threads: 1));
        IUniformContext context = network.Open();
        context.Append(s_text);
        double[] expected = Rows(context.Logits(s_canvas))[2];
        int[] ids = [.. s_text, .. s_canvas];
        Assert.Equal(expected, Rows(network.Logits(ids, [s_text.Length + 2]))[0]);
        Assert.Throws<ArgumentException>(() => network.Logits(ids, [s_text.Length - 1]));
    }

    [Fact]
    public void CheckText_ImagesAndForeignIds_AreRefused()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.AsStored, KernelTable.Create(threads: 1));
        network.CheckText([0, 639]);
        Assert.Contains("642", Assert.Throws<CinnabarException>(() => network.CheckText([5, TinyGemma.ImageToken])).Message);
        Assert.Contains("643", Assert.Throws<CinnabarException>(() => network.CheckText([643])).Message);
        IUniformContext context = network.Open();
        Assert.Contains("128", Assert.Throws<CinnabarException>(() => context.Append(new int[129])).Message);
        Assert.Throws<ArgumentException>(() => context.Logits(new int[TinyGemma.CanvasLength + 1]));
        Assert.Throws<InvalidOperationException>(() => context.Condition(1));
    }

    // Three passes over a canvas, then, behind it, three over another: what the formulas say and what the library says.
    private static IEnumerable<(double[][] Expected, double[][] Found)> Passes(
        TinyGemma model, WeightForm form, KernelForm kernelForm, int[] known, int threads = 1)
    {
        KernelTable kernels = KernelTable.Create(threads, kernelForm);
        PlainGemmaPrefix prefix = model.Plain.Empty();
        IUniformContext context = model.Network(form, kernels).Open();
        foreach (int[] text in (int[][])[known, [.. s_canvas.Reverse()]])
        {
            model.Plain.Encode(prefix, text);
            context.Append(text);
            double[][]? soft = null;
            for (int pass = 0; pass < 3; pass++)
            {
                int[] ids = [.. s_canvas.Select(id => (id + (100 * pass)) % 640)];
                double[][] expected = model.Plain.Decode(prefix, ids, soft);
                yield return (expected, Rows(context.Logits(ids)));
                double temperature = 0.8 - (0.1 * pass);
                soft = model.Plain.Soft(expected, temperature);
                context.Condition(temperature);
            }
        }

        kernels.Workers.Dispose();
    }

    private static double[][] Rows(Tensor logits) =>
        [.. logits.Floats.ToArray().Chunk(logits.Columns).Select(row => Array.ConvertAll(row, value => (double)value))];
}
