using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Latents;

public sealed class LatentRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Steps_OfAHole_ShowGuessesThatChangeAndLeaveTheRestAlone(bool isCausal)
    {
        DiffusionModel model = Model(isCausal);
        Canvas canvas = model.CanvasFor(TextWithHoles.Parse("int a<fill:12> = b;")).Canvas;
        Hole hole = canvas.Holes[0];
        int[] before = canvas.Ids.ToArray();
        int[] shown = [.. before];
        List<DenoisingStep> steps = [];
        foreach (DenoisingStep step in new Sampler(model.Denoiser).Steps(canvas, new SamplerOptions { Steps = 6 }))
        {
            foreach (Commit written in step.Commits.Concat(step.Edits))
            {
                Assert.InRange(written.Confidence, 0, 1);
                shown[written.Position] = written.TokenId;
            }

            Assert.Equal(shown, canvas.Ids.ToArray());
            Assert.Equal(step.Step == 6 ? canvas.Length : hole.Start, step.FinalBefore);
            steps.Add(step);
        }

        Assert.Equal([1, 2, 3, 4, 5, 6], steps.Select(step => step.Step));
        Assert.Equal(6, steps[^1].ForwardPasses);
        Assert.Equal(0, canvas.NoisyCount);
        Assert.Equal(before[..hole.Start], shown[..hole.Start]);
        Assert.Equal(before[hole.End..], shown[hole.End..]);
        Assert.Equal(12, steps.Sum(step => step.Commits.Count));
        Assert.Equal(isCausal ? 6 : 1, steps.Single(step => step.Commits.Count > 0).Step);
        Assert.Equal(!isCausal, steps.Exists(step => step.Edits.Count > 0));
    }

    [Fact]
    public void Batch_OfSeveralCanvases_WritesWhatEachWouldBeAlone()
    {
        DiffusionModel model = Model(isCausal: false);
        SamplerOptions[] options =
            [.. Enumerable.Range(0, 3).Select(i => new SamplerOptions { Steps = 2 + i, Seed = (ulong)i, CfgScale = i })];
        Canvas[] alone = Canvases();
        foreach ((Canvas canvas, SamplerOptions own) in alone.Zip(options))
        {
            new Sampler(model.Denoiser).Run(canvas, own);
        }

        Canvas[] together = Canvases();
        int[] passes = new Sampler(model.Denoiser).Run(together, options, CancellationToken.None);
        Assert.Equal([2, 6, 8], passes);
        Assert.Equal(alone.Select(canvas => canvas.Ids.ToArray()), together.Select(canvas => canvas.Ids.ToArray()));

        Canvas[] Canvases() => [.. new[] { "", "int", "int a = " }.Select(text => model.CanvasFor(text, 9).Canvas)];
    }

    [Fact]
    public void Run_EndOfText_EndsTheHole()
    {
        DiffusionModel model = Model(isCausal: false);
        SamplerOptions options = new() { Steps = 2, Seed = 3 };
        int[] prompt = [5, 6, 7];
        Canvas whole = Canvas.ForContinuation(prompt, 24, new CanvasTokens(model.Config.MaskTokenId, null, null));
        new Sampler(model.Denoiser).Run(whole, options);
        int[] text = whole.Ids[3..].ToArray();
        int end = Array.FindIndex(text, id => id != text[0]);
        Assert.InRange(end, 1, 23);

        // The same again, but with one of its tokens for the end of text.
        Canvas canvas = Canvas.ForContinuation(prompt, 24, new CanvasTokens(model.Config.MaskTokenId, text[end], null));
        new Sampler(model.Denoiser).Run(canvas, options);
        Assert.Equal(text[..end], canvas.TextOf(0));
        Assert.All(canvas.Ids[(3 + end)..].ToArray(), id => Assert.Equal(text[end], id));
    }

    [Fact]
    public void Run_LeastLength_EndsNoSooner()
    {
        DiffusionModel model = Model(isCausal: false);
        GenerationResult free = model.Infill("int a<fill:12> = b;", new SamplerOptions { Steps = 2 });
        int first = free.Holes[0].TokenIds[0];
        CanvasTokens tokens = new(model.Config.MaskTokenId, null, first); // its first token ends the hole
        foreach (int least in (int[])[0, 5, 12])
        {
            Canvas canvas = new([CanvasSegment.Text([5, 6, 7]), CanvasSegment.Hole(12, least), CanvasSegment.Text([8])], tokens);
            new Sampler(model.Denoiser).Run(canvas, new SamplerOptions { Steps = 2 });
            Assert.InRange(canvas.TextOf(0).Length, least, 12);
        }
    }

    [Fact]
    public void Run_UnwatchedCanvas_IsSpelledOnceAndTheSame()
    {
        DiffusionModel model = Model(isCausal: false);
        SamplerOptions options = new() { Steps = 5, Seed = 2 };
        Canvas watched = model.CanvasFor("int a", 12).Canvas;
        Canvas unwatched = watched.Copy();
        Sampler sampler = new(model.Denoiser);
        sampler.Run(watched, options, observer: _ => { });
        List<int> commits = [];
        sampler.Run(unwatched, options, CancellationToken.None, step => commits.Add(step.Commits.Count), isWatched: false);
        Assert.Equal([0, 0, 0, 0, 12], commits);
        Assert.Equal(watched.Ids.ToArray(), unwatched.Ids.ToArray());
        Assert.Equal(Confidences(watched), Confidences(unwatched));

        static float[] Confidences(Canvas canvas) => [.. Enumerable.Range(0, canvas.Length).Select(canvas.ConfidenceOf)];
    }

    [Fact]
    public void Likeliest_NaN_IsRefused() => Assert.Contains(
        "NaN", Assert.Throws<CinnabarException>(() => new SpelledTokens(3).Likeliest([1, float.NaN, 0], 0)).Message);

    [Theory]
    [InlineData(5, 9, 6, 32)]
    [InlineData(1, 95, 0, 96)]
    [InlineData(2, 93, 0, 96)]
    [InlineData(2, 94, 0, 96)]
    [InlineData(3, 91, 2, 96)]
    [InlineData(90, 6, 0, 96)]
    [InlineData(43, 10, 43, 96)]
    [InlineData(41, 14, 41, 96)]
    [InlineData(0, 4, 92, 96)]
    public void Layout_OfAnyCanvas_KeepsWhatIsNearestToTheHoleInWholeLatents(int before, int hole, int after, int length)
    {
        ModelConfig config = TinyModelFolder.WithLatents(TinyModelFolder.ConfigFor(Model(isCausal: false).Tokenizer));
        int[] front = [.. Enumerable.Range(100, before)];
        int[] back = [.. Enumerable.Range(200, after)];
        CanvasTokens tokens = new(config.MaskTokenId, config.EosTokenId, config.PadTokenId);
        CanvasSegment[] known = after == 0 ? [] : [CanvasSegment.Text(back)];
        CanvasSegment middle = after == 0 ? CanvasSegment.Continuation(hole) : CanvasSegment.Hole(hole);
        Canvas canvas = new([CanvasSegment.Text(front), middle, .. known], tokens);
        LatentLayout layout = LatentLayout.Of(canvas, config);
        Assert.Equal(length, layout.Ids.Length);
        Assert.Equal((0, 0), (layout.Start % 4, layout.Room % 4));
        Assert.InRange(layout.Room, hole, after == 0 ? 96 : hole + 3);
        Assert.All(layout.Ids[layout.Start..(layout.Start + layout.Room)], id => Assert.Equal(config.PadTokenId, id));
        int[] seen = [.. layout.Ids[..layout.Start].SkipWhile(id => id == config.EosTokenId)];
        Assert.Equal(front[^seen.Length..], seen);
        Assert.InRange(before - seen.Length, 0, 3);
        Assert.Equal(seen.Length == 0 && layout.Room - hole >= before ? before : 0, layout.Lead);
        seen = [.. layout.Ids[(layout.Start + layout.Room)..].TakeWhile(id => id != config.EosTokenId)];
        Assert.Equal(back[..seen.Length], seen);
        Assert.InRange(after - seen.Length, 0, 3);
    }

    [Fact]
    public void Run_BeginOfTextAlone_StandsInTheFirstLatentThatIsDenoised()
    {
        DiffusionModel model = Model(isCausal: false);
        SamplerOptions options = new() { Steps = 2, Seed = 3 };
        CanvasTokens tokens = new(model.Config.MaskTokenId, null, null);
        Canvas whole = Canvas.ForContinuation([], TinyModelFolder.Context, tokens);
        Canvas begun = Canvas.ForContinuation([5], TinyModelFolder.Context - 1, tokens);
        new Sampler(model.Denoiser).Run(whole, options);
        new Sampler(model.Denoiser).Run(begun, options);
        Assert.Equal(whole.Ids[1..].ToArray(), begun.Ids[1..].ToArray());
        Assert.Equal(5, begun.Ids[0]);
    }

    [Fact]
    public void Rescale_LatentsOfAnySize_HaveTheSizeOfTheEncoders()
    {
        LatentTextDenoiser network = (LatentTextDenoiser)Model(isCausal: false).Denoiser;
        int width = network.Shape.Size / network.Shape.CodebookGroups;
        float[] encoded = network.Encode([.. Enumerable.Range(20, 16)]);
        float[] latents = [.. encoded.Select((value, i) => value * (0.2f + (i / width)))];
        network.Rescale(latents);
        Assert.Equal(encoded, latents, (a, b) => Math.Abs(a - b) < 0.02);
        Assert.All(latents.Chunk(width), part => Assert.Equal(1, part.Average(value => value * value), 2e-3));
    }

    [Fact]
    public void Logits_OfAText_AreTheDecodersOfItsLatents()
    {
        DiffusionModel model = Model(isCausal: false);
        int[] ids = [.. Enumerable.Range(20, 8)];
        Tensor logits = model.Denoiser.Logits(ids, [0, 7]);
        Assert.Equal((2, model.Denoiser.VocabularySize), (logits.Rows, logits.Columns));
        (int[] rebuilt, _) = ((LatentTextDenoiser)model.Denoiser).Rebuild(ids, raw: true);
        Assert.Equal([rebuilt[0], rebuilt[7]], [Largest(logits.Row(0)), Largest(logits.Row(1))]);

        static int Largest(ReadOnlySpan<float> row)
        {
            float[] values = row.ToArray();
            return Array.IndexOf(values, values.Max());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void Spelling_TokenAfterToken_IsWhatTheWholeTextIsToldAtOnce(int known)
    {
        ModelConfig config = TinyModelFolder.WithLatents(TinyModelFolder.ConfigFor(Model(isCausal: true).Tokenizer));
        config = config with { Latents = config.Latents! with { HasCausalDecoder = true, CodebookSize = 0 } };
        DeterministicRandom random = new(7);
        Dictionary<string, Tensor> weights = [];
        foreach (NetworkWeight weight in LatentWeights.OfAutoencoder(config))
        {
            Tensor drawn = Tensor.Zeros(weight.Shape);
            foreach (ref float value in drawn.Floats)
            {
                value = (float)(0.3 * random.NextGaussian());
            }

            weights.Add(weight.Name, drawn);
        }

        LatentAutoencoder network = new(config, weights);
        Tape tape = new(KernelTable.Create(1, KernelForm.Reference), recording: false, MatMulPrecision.F32);
        int[] ids = [.. Enumerable.Range(10, 16)];
        float[] latents = network.Encode(tape, ids, batch: 1).Value.Floats.ToArray();
        Tensor whole = network.DecodeCausally(tape, tape.Input(latents, 4, 8), ids, batch: 1).Value;
        float[][] expected = [.. Enumerable.Range(0, ids.Length).Select(i => whole.Row(i).ToArray())];
        CausalSpelling spelling = network.BeginSpelling(tape, tape.Input(latents, 4, 8), ids.Length);
        for (int i = known; i < ids.Length; i++)
        {
            tape.Reset();
            float[] next = network.NextLogits(tape, spelling, ids.AsSpan(0, i)).Row(0).ToArray();
            Assert.All(next.Zip(expected[i]), both => Assert.Equal(both.Second, both.First, 1e-3));
        }
    }

    private DiffusionModel Model(bool isCausal)
    {
        string path = _folder[isCausal ? "causal" : "parallel"];
        TinyModelFolder.Write(path, config =>
        {
            ModelConfig latents = TinyModelFolder.WithLatents(config);
            return latents with { Latents = latents.Latents! with { HasCausalDecoder = isCausal } };
        });
        return DiffusionModel.Load(path, KernelTable.Create(threads: 1));
    }
}
