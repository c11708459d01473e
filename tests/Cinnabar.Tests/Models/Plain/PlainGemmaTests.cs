// The plain DiffusionGemma: what follows from the table of roles and masks (models2026.md 1.4) without knowing any number, and that every
// switch matters; and the library's network against it, over two canvases with three conditioned passes each.
using Cinnabar.Models;
using Cinnabar.Numerics;
using static Cinnabar.Tests.Models.Plain.PlainFormulas;

namespace Cinnabar.Tests.Models.Plain;

public sealed class PlainGemmaTests
{
    private const int ImageTokenId = 640; // the first of three

    private static readonly PlainGemmaShape s_shape = PlainModels.Gemma;
    private static readonly PlainWeights s_weights = PlainWeights.Random(s_shape.Tensors(), seed: 31);
    private static readonly int[] s_ids = Random(20, seed: 1);
    private static readonly int[] s_canvas = Random(9, seed: 2);

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(20)]
    public void Logits_OfTheLibrary_AreThoseOfThePlainNetwork(int known)
    {
        using PlainFolder folder = new(PlainConfigs.DiffusionGemma, s_weights);
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            PlainGemma plain = new(s_shape, s_weights);
            PlainGemmaPrefix prefix = plain.Empty();
            IUniformContext context = Assert.IsType<GemmaDenoiser>(folder.Network(form)).Open();
            int[] text = s_ids[..known], canvas = s_canvas;
            for (int round = 0; round < 2; round++)
            {
                plain.Encode(prefix, text);
                context.Append(text);
                double[][]? soft = null;
                foreach (double temperature in new[] { 0.8, 0.6, 0.4 })
                {
                    double[][] expected = plain.Decode(prefix, canvas, soft);
                    IEnumerable<double> values = context.Logits(canvas).Floats.ToArray().Select(value => (double)value);
                    double[][] found = [.. values.Chunk(s_shape.Vocabulary)];
                    double error = RelativeError(expected, found);
                    Assert.True(error <= 1e-5, $"{form}, canvas {round}, temperature {temperature}: relative error {error:E2}.");
                    context.Condition(temperature);

                    // From the library's logits: roundings would grow from pass to pass.
                    soft = plain.Soft(found, temperature);
                    canvas = [.. canvas.Select((id, i) => i % 2 == 0 ? id : (id + 50) % ImageTokenId)];
                }

                text = canvas;
            }
        }
    }

    [Fact]
    public void Encode_InParts_AsAtOnce()
    {
        PlainGemma network = new(s_shape, s_weights);
        PlainGemmaPrefix whole = network.Empty(), parts = network.Empty();
        network.Encode(whole, s_ids);
        network.Encode(parts, s_ids[..8]);
        network.Encode(parts, s_ids[8..]);
        Assert.Equal(network.Decode(whole, s_canvas), network.Decode(parts, s_canvas));
        Assert.Equal(s_ids.Length, parts.Length);
    }

    [Fact]
    public void Decode_OneSlidingLayer_SeesTheWindowOnly()
    {
        PlainGemmaShape shape = s_shape with { IsFull = [false] };
        double[][] expected = Decode(shape, s_weights, s_ids);
        int oldest = s_ids.Length - (shape.Window - 1);
        Assert.Equal(expected, Decode(shape, s_weights, Changed(oldest - 1)));
        Assert.NotEqual(expected, Decode(shape, s_weights, Changed(oldest)));
    }

    [Fact]
    public void Decode_OneFullLayer_SeesTheWholePrefixAndCanvas()
    {
        PlainGemmaShape shape = s_shape with { IsFull = [true] };
        PlainWeights weights = PlainWeights.Random(shape.Tensors(), seed: 31);
        double[][] expected = Decode(shape, weights, s_ids);
        Assert.All(expected.Zip(Decode(shape, weights, Changed(0))), pair => Assert.NotEqual(pair.First, pair.Second));
        PlainGemma network = new(shape, weights);
        PlainGemmaPrefix prefix = network.Empty();
        network.Encode(prefix, s_ids);
        int[] canvas = [.. s_canvas[..^1], s_canvas[^1] + 1];
        Assert.All(expected.Zip(network.Decode(prefix, canvas)), pair => Assert.NotEqual(pair.First, pair.Second));
    }

    [Fact]
    public void Decode_EachSwitch_Matters()
    {
        double[][] expected = Decode(s_shape, s_weights, s_ids);
        (string Switch, PlainGemmaShape Shape)[] changes =
        [
            ("the window", s_shape with { Window = s_shape.Window + 1 }),
            ("the base of sliding layers", s_shape with { SlidingTheta = 1e4 }),
            ("the base of full layers", s_shape with { FullTheta = 10 * s_shape.FullTheta }),
            ("the part that turns", s_shape with { FullRotaryFactor = 1 }),
            ("the soft cap", s_shape with { SoftCap = 30 }),
            ("the epsilon", s_shape with { Epsilon = 1e-6 }),
            ("the number of experts", s_shape with { Chosen = s_shape.Chosen - 1 }),
        ];
        Assert.All(changes, change => Assert.True(
            RelativeError(expected, Decode(change.Shape, s_weights, s_ids)) > 1e-3, $"The logits do not depend on {change.Switch}."));

        // Every tensor, the multipliers of both roles among them; half of its values, since a norm undoes a common factor.
        foreach (PlainTensor tensor in s_shape.Tensors().Where(tensor => !IsUnused(tensor.Name)))
        {
            double[][] found = Decode(s_shape, s_weights.WithHalfChanged(tensor.Name), s_ids);
            Assert.True(RelativeError(expected, found) > 1e-3, $"The logits do not depend on {tensor.Name}.");
        }

        // The first step is not conditioned. The norm after them undoes the multipliers of the canvas after the last layer and of the
        // prefix before the last one, and what the last layer makes of the prefix is not read.
        static bool IsUnused(string name)
        {
            int last = s_shape.IsFull.Length - 1;
            return name.Contains("self_conditioning") || name.Contains("vision") || name == $"model.decoder.layers.{last}.layer_scalar"
                || name == $"model.encoder.language_model.layers.{last - 1}.layer_scalar"
                || name == $"model.encoder.language_model.layers.{last}.layer_scalar";
        }
    }

    [Fact]
    public void Decode_SelfConditioning_IsThatOfTheStepBefore()
    {
        PlainGemma network = new(s_shape, s_weights);
        PlainGemmaPrefix prefix = network.Empty();
        network.Encode(prefix, s_ids);
        double[][] first = network.Decode(prefix, s_canvas);
        double[][] soft = network.Soft(first, temperature: 0.8);
        double[][] second = network.Decode(prefix, s_canvas, soft);
        Assert.True(RelativeError(first, second) > 1e-3);
        Assert.True(RelativeError(second, network.Decode(prefix, s_canvas, network.Soft(first, temperature: 0.4))) > 1e-3);
        Assert.Equal(first, network.Decode(prefix, s_canvas, [.. soft.Select(row => new double[row.Length])]));

        // Nearly certain logits give the embedding itself, scaled.
        double[][] certain = [[.. Enumerable.Range(0, s_shape.Vocabulary).Select(id => id == 5 ? 1e4 : 0.0)]];
        double[] table = s_weights["model.decoder.embed_tokens.weight"];
        Assert.Equal(
            table[(5 * s_shape.Hidden)..(6 * s_shape.Hidden)].Select(value => value * Math.Sqrt(s_shape.Hidden)),
            network.Soft(certain, temperature: 1)[0]);
    }

    private static double[][] Decode(PlainGemmaShape shape, PlainWeights weights, int[] ids)
    {
        PlainGemma network = new(shape, weights);
        PlainGemmaPrefix prefix = network.Empty();
        network.Encode(prefix, ids);
        return network.Decode(prefix, s_canvas);
    }

    private static int[] Random(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(ImageTokenId))];
    }

    private static int[] Changed(int position) => [.. s_ids.Select((id, i) => i == position ? id + 1 : id)];
}
