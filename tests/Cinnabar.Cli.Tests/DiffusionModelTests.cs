using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Cli.Tests;

[Collection(ConsoleTests.Name)]
public sealed class DiffusionModelTests(TinyModel tiny)
{
    private static readonly string[] s_pieces =
    [
        "a", " ", "  ", "\n", "\r\n", "\r", "\t", "é", "e\u0301", "🙂", "日本", "return x;", "<fil", "\uFEFF", "\u001b[0m", "{}",
    ];

    [Fact]
    public void Infill_RandomTexts_KnownTextComesBackUnchanged()
    {
        Random random = new(20_240_601);
        for (int round = 0; round < 60; round++)
        {
            string[] texts = [.. Enumerable.Range(0, 2 + random.Next(3)).Select(_ => RandomText(random))];
            int[] sizes = [.. texts.Skip(1).Select(_ => 1 + random.Next(6))];

            GenerationResult result = tiny.Model.Infill(
                new TextWithHoles(texts, sizes) { LeastTokens = random.Next(2) == 0 ? sizes : [] },
                new SamplerOptions { Temperature = 1, Seed = (ulong)round });

            StringBuilder expected = new(texts[0]);
            for (int i = 0; i < sizes.Length; i++)
            {
                expected.Append(result.Holes[i].Text).Append(texts[i + 1]);
                Assert.InRange(result.Holes[i].TokenIds.Count, 0, sizes[i]);
                Assert.Equal(sizes[i], result.Holes[i].CanvasLength);
            }

            Assert.Equal(expected.ToString(), result.Text);
        }
    }

    [Fact]
    public void Infill_SpaceBeforeHole_IsNotWrittenTwice()
    {
        GenerationResult joined = tiny.Model.Infill(TextWithHoles.Parse("return<fill:4>;"));
        GenerationResult apart = tiny.Model.Infill(TextWithHoles.Parse("return <fill:4>;"));

        // Without the space in front of it both holes are the same to the network.
        Assert.Equal(joined.Holes[0].TokenIds, apart.Holes[0].TokenIds);
        Assert.Equal(joined.Holes[0].Text.StartsWith(' ') ? joined.Holes[0].Text[1..] : joined.Holes[0].Text, apart.Holes[0].Text);
    }

    [Fact]
    public void Infill_CrLf_IsTheSameToTheNetworkAsLf()
    {
        SamplerOptions options = new() { Temperature = 1, Seed = 3 };
        GenerationResult lf = tiny.Model.Infill("int a;\n<fill:12>\nint b;\n", options);
        GenerationResult crLf = tiny.Model.Infill("\uFEFFint a;\r\n<fill:12>\r\nint b;\r\n", options);

        Assert.Equal(lf.TokenIds, crLf.TokenIds);
        Assert.Equal(lf.Holes[0].Text.Replace("\r\n", "\n").Replace("\n", "\r\n"), crLf.Holes[0].Text);
    }

    [Fact]
    public void Infill_NeverWritesSpecialTokens()
    {
        // Drawn almost evenly from 300 tokens, in 800 draws a special one that may be written does not stay away.
        TextWithHoles text = new(["a ", " b"], [40]) { LeastTokens = [40] };
        for (ulong seed = 0; seed < 20; seed++)
        {
            GenerationResult result = tiny.Model.Infill(text, new SamplerOptions { Temperature = 100, Seed = seed, Steps = 1 });
            Assert.Equal(40, result.Holes[0].TokenIds.Count);
            Assert.DoesNotContain(result.Holes[0].TokenIds, tiny.Model.Tokenizer.IsSpecial);
        }
    }

    [Fact]
    public void Load_EmbeddingPaddedAboveTheVocabulary_NeverWritesThePadding()
    {
        int vocabulary = tiny.Model.Config.VocabularySize;
        ModelConfig config = tiny.Model.Config with { EmbeddingSize = 2 * vocabulary };
        string path = Path.Combine(tiny.Folder, "padded");
        ModelFolder.Save(
            path,
            config,
            TransformerDenoiser.Initialize(config, seed: 5),
            File.ReadAllBytes(Path.Combine(tiny.Path, "tokenizer.json")),
            generationConfig: null,
            "# padded\n");

        // Random weights draw every id about equally often: half of the tokens would be padding.
        DiffusionModel padded = DiffusionModel.Load(path, tiny.Model.Kernels);
        SamplerOptions options = new() { Temperature = 1, Seed = 2, CfgScale = 0.5, MaxNewTokens = 60 };
        GenerationResult result = padded.Generate("public static", options);
        GenerationResult infilled = padded.Infill("int <fill:30>;", options);
        Assert.All(result.TokenIds.Concat(infilled.TokenIds), id => Assert.InRange(id, 0, vocabulary - 1));
    }

    [Fact]
    public void Infill_AutoregressiveModel_ReadsBothSidesAndWritesLeftToRight()
    {
        ModelConfig config = tiny.Model.Config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true };
        string path = Path.Combine(tiny.Folder, "autoregressive");
        ModelFolder.Save(
            path,
            config,
            TransformerDenoiser.Initialize(config, seed: 5),
            File.ReadAllBytes(Path.Combine(tiny.Path, "tokenizer.json")),
            generationConfig: null,
            "# left to right\n");
        DiffusionModel network = DiffusionModel.Load(path, tiny.Model.Kernels);
        List<int> written = [];
        GenerationResult result = network.Infill(
            new TextWithHoles(["int a = ", ";"], [5]) { LeastTokens = [5] },
            new SamplerOptions { Temperature = 1, Seed = 3 },
            step => written.AddRange(step.Commits.Select(commit => commit.Position)));
        Assert.StartsWith("int a = ", result.Text);
        Assert.EndsWith(";", result.Text);
        Assert.Equal(5, result.Holes[0].TokenIds.Count);
        Assert.Equal(5, result.ForwardPasses);
        Assert.Equal(written.Order(), written);
        Assert.DoesNotContain(result.Holes[0].TokenIds, network.Tokenizer.IsSpecial);

        string refused = Assert.Throws<CinnabarException>(() => network.Infill("a<fill>b<fill>c")).Message;
        Assert.Contains("Expected one hole for the autoregressive model autoregressive, found 2.", refused);
    }

    [Fact]
    public void Load_KeepsMatricesPackedOnly()
    {
        TransformerDenoiser network = Assert.IsType<TransformerDenoiser>(tiny.Model.Denoiser);
        Parameter[] matrices =
            [.. network.Parameters.Where(parameter => parameter.Name.EndsWith("proj.weight", StringComparison.Ordinal))];
        Assert.NotEmpty(matrices);
        Assert.All(matrices, parameter => Assert.Throws<InvalidOperationException>(() => parameter.Value));
    }

    [Fact]
    public void Generate_NoOptions_TakesTheModelsOwn()
    {
        GenerationResult result = tiny.Model.Generate("int");

        Assert.Equal(12, Assert.Single(result.Holes).CanvasLength);
        Assert.Equal("int" + result.Holes[0].Text, result.Text);
    }

    [Fact]
    public async Task StreamAsync_SameCanvas_EndsAsInfillDoes()
    {
        TextWithHoles text = TextWithHoles.Parse("int Max(int a, int b) { <fill:10> }");
        SamplerOptions options = new() { Temperature = 0.8, Seed = 11 };
        GenerationResult expected = tiny.Model.Infill(text, options);

        Canvas canvas = tiny.Model.CanvasFor(text).Canvas;
        List<int> remaining = [];
        await foreach (DenoisingStep step in tiny.Model.StreamAsync(canvas, options))
        {
            remaining.Add(step.Remaining);
        }

        Assert.Equal(expected.Steps, remaining.Count);
        Assert.Equal(0, remaining[^1]);
        Assert.Equal(expected.TokenIds, canvas.Text());
    }

    [Fact]
    public async Task StreamAsync_Cancelled_StopsBeforeTheNextStep()
    {
        using CancellationTokenSource source = new();
        int steps = 0;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DenoisingStep step in tiny.Model.StreamAsync(tiny.Model.CanvasFor("int").Canvas, cancellation: source.Token))
            {
                steps++;
                await source.CancelAsync();
            }
        });

        Assert.Equal(1, steps);
    }

    private static string RandomText(Random random) =>
        string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => s_pieces[random.Next(s_pieces.Length)]));
}
