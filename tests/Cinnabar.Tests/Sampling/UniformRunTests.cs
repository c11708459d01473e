using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models.Gemma;

namespace Cinnabar.Tests.Sampling;

public sealed class UniformRunTests
{
    private const int Eos = 1;
    private const int V = 10;
    private static readonly CanvasTokens s_tokens = new(0, Eos, 0);
    private static readonly int[] s_prompt = [3, 4, 5];

    // Slot s of canvas c wants token 2 + (c + s) mod 8, far before all others.
    private static double Sure(int canvas, int slot, int token) => token == 2 + ((canvas + slot) % 8) ? 50 : 0;

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    public void Run_SameSureTokens_StopsAfterTheStableSteps(int stableSteps, int steps)
    {
        UniformTableNetwork network = new(V, 4, (canvas, _, slot, token) => Sure(canvas, slot, token));
        Canvas canvas = Canvas.ForContinuation(s_prompt, 8, s_tokens);
        int passes = new Sampler(network).Run(canvas, Options(new() { StableSteps = stableSteps, Steps = 20 }));
        Assert.Equal(2 * steps, passes);
        Assert.Equal([3, 4, 5, 2, 3, 4, 5, 3, 4, 5, 6], canvas.Ids.ToArray());

        // The finished canvas is read before the next one; the last one never.
        Assert.Equal([[3, 4, 5], [2, 3, 4, 5]], network.Appended);
    }

    [Fact]
    public void Run_UnsureTokens_TakesAllSteps()
    {
        UniformTableNetwork network = new(V, 4, (canvas, _, slot, token) => Sure(canvas, slot, token) / 20);
        UniformOptions uniform = new() { Steps = 4 };
        int passes = new Sampler(network).Run(Canvas.ForContinuation(s_prompt, 4, s_tokens), Options(uniform));
        Assert.Equal(4, passes);

        // 0.4 + 0.4·n/4 for n = 4, 3, 2; the last pass conditions nothing.
        Assert.Equal([0.8, 0.7, 0.6, null], network.Conditions.Select(t => t is double value ? Math.Round(value, 9) : t));
    }

    [Fact]
    public void Run_BestTokensThatChange_AreNotStable()
    {
        UniformTableNetwork network = new(V, 4, (_, step, slot, token) => Sure(step == 3 ? 1 : 0, slot, token));
        int passes = new Sampler(network).Run(
            Canvas.ForContinuation(s_prompt, 4, s_tokens), Options(new() { StableSteps = 2, Steps = 20 }));
        Assert.Equal(6, passes); // 0 0 1 0 0 0: the sixth is the first whose two predecessors say the same
    }

    [Fact]
    public void Run_AcceptedSlotsGetSamplesAndOthersFreshNoise()
    {
        // Slot 2 is sure, then slot 0; slots 1 and 3 are uniform: ln 10 nats each.
        UniformTableNetwork network = new(V, 4, (_, _, slot, token) => slot switch
        {
            2 => token == 7 ? 50 : 0,
            0 => token == 6 ? 3 : 0,
            _ => 0,
        });
        Canvas canvas = Canvas.ForContinuation(s_prompt, 4, s_tokens);
        List<(int[] Commits, int[] Edits, int[] Renoised, int Remaining)> steps = [];
        new Sampler(network).Run(
            canvas,
            Options(new()
            {
                Steps = 4, EntropyBound = 0.1, Draws = new ChosenDraws((_, step, slot) => slot == 0 && step == 2 ? 8 : slot == 0 ? 6 : 7),
            }),
            observer: step => steps.Add((
                [.. step.Commits.Select(commit => commit.Position)],
                [.. step.Edits.Select(commit => commit.Position)],
                [.. step.Renoised],
                step.Remaining)));

        // Before slot 0 stands the entropy of slot 2, about 0; before the others also that of slot 0, more than 0.1.
        int Noise(int step, int slot) => ChosenDraws.NoiseAt(0, step, slot, V);
        int[][] expected =
        [
            [Noise(0, 0), Noise(0, 1), Noise(0, 2), Noise(0, 3)],
            [6, Noise(1, 1), 7, Noise(1, 3)],
            [8, Noise(2, 1), 7, Noise(2, 3)],
            [6, Noise(3, 1), 7, Noise(3, 3)],
        ];
        Assert.Equal(expected, network.Asked);
        Assert.Equal([3, 5], steps[0].Commits);
        Assert.Equal([3], steps[1].Edits);
        Assert.Equal([3], steps[2].Edits);
        Assert.Equal([4, 6], steps[3].Commits);
        Assert.Equal([2, 2, 2, 0], steps.Select(step => step.Remaining));
        Assert.Equal([6, 0, 7, 0], canvas.Ids[3..].ToArray()); // the most probable, not the samples
    }

    [Fact]
    public void Run_AcceptedSlotThatBecomesUnsure_IsNoiseAgain()
    {
        UniformTableNetwork network = new(V, 2, (_, step, slot, token) => slot == step % 2 && token == 7 ? 50 : 0);
        List<int[]> renoised = [];
        new Sampler(network).Run(
            Canvas.ForContinuation(s_prompt, 2, s_tokens),
            Options(new() { Steps = 4, EntropyBound = 0, Draws = new ChosenDraws((_, _, _) => 7) }),
            observer: step => renoised.Add([.. step.Renoised]));

        // Slot 1 in step 1, slot 0 in step 2: of the sure one the entropy is not quite 0, so it stands alone.
        Assert.Equal([[], [4], [3], []], renoised);
    }

    [Fact]
    public void Run_EndOfText_EndsTheText()
    {
        UniformTableNetwork network = new(V, 4, (_, _, slot, token) => slot == 2 ? (token == Eos ? 50 : 0) : Sure(0, slot, token));
        Canvas canvas = Canvas.ForContinuation(s_prompt, 10, s_tokens);
        int passes = new Sampler(network).Run(canvas, Options(new()));
        Assert.Equal(2, passes);
        Assert.Equal([3, 4, 5, 2, 3], canvas.Text());
        Assert.Equal(0, canvas.NoisyCount);
        Assert.Single(network.Appended);
    }

    [Fact]
    public void Run_HoleShorterThanACanvas_IsCutNotDenoisedShorter()
    {
        UniformTableNetwork network = new(V, 4, (canvas, _, slot, token) => Sure(canvas, slot, token));
        Canvas canvas = Canvas.ForContinuation(s_prompt, 6, s_tokens);
        new Sampler(network).Run(canvas, Options(new()));
        Assert.All(network.Asked, ids => Assert.Equal(4, ids.Length));
        Assert.Equal([3, 4, 5, 2, 3, 4, 5, 3, 4], canvas.Ids.ToArray());
    }

    [Fact]
    public void Run_WhatDoesNotFit_IsRefused()
    {
        Sampler sampler = new(new UniformTableNetwork(V, 4, (_, _, _, _) => 0));
        Canvas fitting = Canvas.ForContinuation(s_prompt, 4, s_tokens);
        foreach ((Canvas canvas, SamplerOptions options, string expected) in ((Canvas, SamplerOptions, string)[])
            [
                (new Canvas([CanvasSegment.Hole(2), CanvasSegment.Text([3])], s_tokens), new(), "an infill hole"),
                (new Canvas([CanvasSegment.Text([3])], s_tokens), new(), "0 holes"),
                (Canvas.ForContinuation(s_prompt, 98, s_tokens), new(), "100 tokens"),
                (new Canvas([CanvasSegment.Continuation(4, least: 2)], s_tokens), new(), "at least 2 tokens"),
                (fitting, new() { Threshold = 0.9 }, "found the option Threshold"),
                (fitting, new() { Steps = 4, BlockSize = 2 }, "found the option Steps and the option BlockSize"),
                (fitting, new() { Credit = true }, "found the option Credit"),
                (fitting, Options(new() { Steps = 0 }), "Uniform.Steps"),
                (fitting, Options(new() { MaxTemperature = 0.4 }), "Uniform.MaxTemperature"),
                (fitting, Options(new() { MinTemperature = 0 }), "Uniform.MinTemperature"),
                (fitting, Options(new() { EntropyBound = double.NaN }), "Uniform.EntropyBound"),
                (fitting, Options(new() { StableSteps = -1 }), "Uniform.StableSteps"),
                (fitting, Options(new() { MeanEntropy = -1 }), "Uniform.MeanEntropy"),
            ])
        {
            Assert.Contains(expected, Assert.Throws<CinnabarException>(() => sampler.Run(canvas, options)).Message);
        }
    }

    [Fact]
    public void Run_WholeGeneration_IsThatOfThePlainLoop()
    {
        using TinyGemma model = new();
        GemmaDenoiser network = model.Network(WeightForm.Exact, KernelTable.Create(threads: 2));
        UniformOptions uniform = new() { Steps = 6, EntropyBound = 25, MeanEntropy = 1000, MaxTemperature = 1, MinTemperature = 0.2 };
        PlainUniformLoop plain = new(model.Plain, uniform);
        int[] expected = plain.Generate(s_prompt, canvases: 3);

        Canvas canvas = Canvas.ForContinuation(s_prompt, 3 * TinyGemma.CanvasLength, new CanvasTokens(0, null, 0));
        Sampler sampler = new(network);
        List<int> committed = [];
        int passes = sampler.Run(
            canvas,
            Options(uniform with { Draws = new HashedDraws() }),
            observer: step => committed.Add(step.Canvas.Length - step.Remaining - s_prompt.Length));
        Assert.Equal(expected, canvas.Ids[s_prompt.Length..].ToArray());
        Assert.Equal(plain.Accepted.Count, passes);
        Assert.Equal(plain.Accepted, committed);
        Assert.True(plain.Accepted.Distinct().Count() > 4, "The steps accept too few slots to compare.");
    }

    [Fact]
    public void Run_AnyThreadsAndInterleaved_GivesTheSameSteps()
    {
        using TinyGemma model = new(DType.BF16);
        SamplerOptions options = new() { Seed = 5, Uniform = new() { Steps = 5, EntropyBound = 30 } };
        string[] expected = [.. Steps(1, options).Select(Describe)];
        Assert.Equal(15, expected.Length);
        Assert.Equal(expected, Steps(3, options).Select(Describe));
        Assert.NotEqual(expected, Steps(1, options with { Seed = 6 }).Select(Describe));

        // Two texts on one network, step by step in turn.
        KernelTable kernels = KernelTable.Create(threads: 1);
        Sampler sampler = new(model.Network(WeightForm.AsStored, kernels), kernels.Workers);
        using IEnumerator<DenoisingStep> other = sampler.Steps(SomeCanvas(), options with { Seed = 7 }).GetEnumerator();
        Assert.Equal(expected, sampler.Steps(SomeCanvas(), options).Select(step =>
        {
            string described = Describe(step);
            other.MoveNext();
            return described;
        }));

        IEnumerable<DenoisingStep> Steps(int threads, SamplerOptions options)
        {
            KernelTable table = KernelTable.Create(threads);
            return new Sampler(model.Network(WeightForm.AsStored, table), table.Workers).Steps(SomeCanvas(), options);
        }

        static Canvas SomeCanvas() => Canvas.ForContinuation(s_prompt, 20, new CanvasTokens(0, null, 0));

        static string Describe(DenoisingStep step) =>
            $"{step.Step} {step.Block} {string.Join(" ", step.Commits)} | {string.Join(" ", step.Edits)} | "
            + $"{string.Join(" ", step.Renoised)} | {string.Join(" ", step.Canvas.Ids.ToArray())}";
    }

    private static SamplerOptions Options(UniformOptions uniform) => new() { Uniform = uniform };
}
