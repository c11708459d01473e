using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Sampling;

/// <summary>Whole runs whose rows are read by a kernel, against the same runs that read them on the processor.</summary>
public sealed class StepReadingsTests
{
    private const int V = 40;
    private const int Mask = 39;
    private const int Eos = 38;
    private const int Pad = 37;
    private const int Begin = 36;
    private const int Expand = 35;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad) { NeverEmitted = [Begin] };

    public static TheoryData<string> Policies => [.. s_policies.Keys];

    private static readonly Dictionary<string, SamplerOptions> s_policies = new()
    {
        ["low confidence"] = new(),
        ["random"] = new() { Remasking = Remasking.Random },
        ["entropy"] = new() { Remasking = Remasking.Entropy },
        ["margin"] = new() { Remasking = Remasking.Margin },
        ["origin"] = new() { Remasking = Remasking.Origin, Steps = 6 },
        ["remdm"] = new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Confidence, Steps = 8 },
        ["threshold"] = new() { Threshold = 0.3 },
        ["threshold of margins"] = new() { Threshold = 0.2, Remasking = Remasking.Margin },
        ["factor"] = new() { Factor = 1.5 },
        ["entropy bound"] = new() { Remasking = Remasking.Entropy, EntropyBound = 2 },
        ["hierarchy"] = new() { Threshold = 0.4, LowThreshold = 0.2 },
        ["early exit"] = new() { EarlyExit = 1, BlockSize = 4 },
        ["remask"] = new() { RemaskBelow = 0.25, Steps = 6 },
        ["edit"] = new() { EditThreshold = 0.2, BlockSize = 5 },
        ["edit and remask"] = new() { EditThreshold = 0.3, RemaskBelow = 0.2, Threshold = 0.4 },
        ["few passes"] = new() { MaxPasses = 3, AllowPadding = true },
        ["filters of the most probable token"] = new() { TopK = 3, TopP = 0.5 },
    };

    [Theory]
    [MemberData(nameof(Policies))]
    public void Run_PolicyThatReadingsSuffice_WritesTheSameTextAndReadsNoRow(string name)
    {
        for (ulong seed = 0; seed < 12; seed++)
        {
            SamplerOptions options = s_policies[name] with { Seed = seed };
            bool filters = options.TopK is not null;
            options = options with { Temperature = filters ? 0 : seed % 3 * 0.7 };
            AssertSameRun(options, seed, readsRows: false);
        }
    }

    [Theory]
    [InlineData("credit")]
    [InlineData("stability")]
    [InlineData("alternatives")]
    [InlineData("guidance")]
    [InlineData("top-p")]
    [InlineData("top-k of entropies")]
    public void Run_WhatNeedsWholeRows_ReadsThem(string name)
    {
        SamplerOptions options = name switch
        {
            "credit" => new() { Credit = true },
            "stability" => new() { Threshold = 0.3, Stability = 0.2 },
            "alternatives" => new() { Alternatives = 2 },
            "guidance" => new() { CfgScale = 0.5 },
            "top-p" => new() { TopP = 0.8, Temperature = 1 },
            _ => new() { TopK = 5, Remasking = Remasking.Entropy },
        };
        for (ulong seed = 0; seed < 4; seed++)
        {
            AssertSameRun(options with { Seed = seed }, seed, readsRows: true);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.8)]
    public void Run_HolesThatGrow_BecomeTheSame(double temperature)
    {
        CanvasTokens tokens = s_tokens with { ExpandTokenId = Expand };
        for (ulong seed = 0; seed < 12; seed++)
        {
            Canvas With(ITokenStatistics? statistics)
            {
                Canvas canvas = new(
                    [CanvasSegment.Text([1]), CanvasSegment.GrowingHole(2, 7), CanvasSegment.Text([2]), CanvasSegment.GrowingHole(1, 4)],
                    tokens);
                new Sampler(Network(seed), statistics: statistics).Run(canvas, new() { Seed = seed, Temperature = temperature });
                return canvas;
            }

            Assert.Equal(With(null).Ids.ToArray(), With(new ReferenceTokenStatistics()).Ids.ToArray());
        }
    }

    // What may not begin a hole is no list but a mask.
    [Theory]
    [InlineData(0)]
    [InlineData(1.5)]
    public void Run_HolesThatBeginInTheirOwnWay_BecomeTheSame(double temperature)
    {
        int[] notFirst = [.. Enumerable.Range(0, 40).Where(id => id % 3 != 1)];
        for (ulong seed = 0; seed < 12; seed++)
        {
            Canvas With(ITokenStatistics? statistics)
            {
                Canvas canvas = new(
                    [
                        CanvasSegment.Text([1]), CanvasSegment.Hole(4).Beginning("", notFirst), CanvasSegment.Text([2]),
                        CanvasSegment.Hole(2).Beginning("", notFirst.AsMemory(5)), CanvasSegment.Hole(3),
                    ],
                    s_tokens);
                new Sampler(Network(seed), statistics: statistics).Run(canvas, new() { Seed = seed, Temperature = temperature });
                return canvas;
            }

            Canvas read = With(new ReferenceTokenStatistics());
            Assert.Equal(With(null).Ids.ToArray(), read.Ids.ToArray());
            Assert.DoesNotContain(read.Ids[1], notFirst);
        }
    }

    [Fact]
    public void Run_ConstrainedHole_ReadsRows()
    {
        Tokenizer tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 270, Threads = 1 }).Train(["a1 b22 c333 a1 b22"]);
        CanvasTokens tokens = new(tokenizer.MaskTokenId, tokenizer.EndOfTextTokenId, tokenizer.PaddingTokenId)
        {
            NeverEmitted = [tokenizer.BeginOfTextTokenId],
        };
        ConstraintLifter lifter = new(tokenizer, tokenizer.VocabularySize);
        TableDenoiser network = new(
            tokenizer.VocabularySize, tokens.MaskTokenId, (_, position, token) => 3 * new CounterRandom(1, 0, position).Unit((ulong)token));
        int[] With(ITokenStatistics? statistics)
        {
            Canvas canvas = new([CanvasSegment.Hole(6), CanvasSegment.Text([5]), CanvasSegment.Hole(2)], tokens);
            canvas.Constrain(0, lifter.Lift(Constraint.FromRegex("[0-9]+"), HoleKind.Infill, tokens, lead: ""));
            new Sampler(network, statistics: statistics).Run(canvas, new());
            return canvas.Ids.ToArray();
        }

        var counted = new CountedStatistics();
        Assert.Equal(With(null), With(counted));
        Assert.Equal(0, counted.Rows);
    }

    [Fact]
    public void Run_BatchOfCanvases_BecomesWhatEachBecomesAlone()
    {
        SamplerOptions[] options =
        [
            new() { Steps = 6, Temperature = 0.8, Seed = 1 },
            new() { Threshold = 0.05, EditThreshold = 0.05, Steps = 8 },
            new() { Threshold = 0.04, Credit = true, Temperature = 1, Seed = 2 },
            new() { BlockSize = 5, Steps = 12, Cache = CacheKind.Dual, MeasureDrift = true, Temperature = 1, Seed = 3 },
            new() { Threshold = 0.05, VerifyThreshold = 0.9, Temperature = 1, Seed = 4 },
            new() { Remasking = Remasking.Entropy, Steps = 5 },
        ];
        KernelTable kernels = KernelTable.Create(threads: 2);
        var config = TinyNetwork.Config with { MaxSequenceLength = 64 };
        TransformerDenoiser network = new(config, TinyNetwork.Weights(config), kernels, MatMulPrecision.F32);
        CanvasTokens tokens = new(config.MaskTokenId, EosTokenId: 1, PaddingTokenId: 2);
        Canvas CanvasOf(int i) => new([CanvasSegment.Text([5, 6 + i]), CanvasSegment.Hole(9 + i), CanvasSegment.Text([8])], tokens);
        Canvas[] alone = [.. options.Select((_, i) => CanvasOf(i))];
        Canvas[] together = [.. options.Select((_, i) => CanvasOf(i))];
        Sampler reading = new(network, kernels.Workers);
        for (int i = 0; i < options.Length; i++)
        {
            reading.Run(alone[i], options[i]);
        }

        var counted = new CountedStatistics();
        new Sampler(network, kernels.Workers, statistics: counted).Run(together, options);
        Assert.Equal(alone.Select(canvas => canvas.Ids.ToArray()), together.Select(canvas => canvas.Ids.ToArray()));
        Assert.True(counted.Rows > 0);
        kernels.Workers.Dispose();
    }

    private static void AssertSameRun(SamplerOptions options, ulong seed, bool readsRows)
    {
        var counted = new CountedStatistics();
        (Canvas expected, List<DenoisingStep> expectedSteps) = Run(options, seed, null);
        (Canvas found, List<DenoisingStep> steps) = Run(options, seed, counted);
        Assert.Equal(readsRows, counted.Rows == 0);
        Assert.Equal(expected.Ids.ToArray(), found.Ids.ToArray());
        Assert.Equal(expectedSteps.Count, steps.Count);
        foreach ((DenoisingStep one, DenoisingStep other) in expectedSteps.Zip(steps))
        {
            AssertSame(one.Commits, other.Commits);
            AssertSame(one.Edits, other.Edits);
            Assert.Equal(one.Renoised, other.Renoised);
        }
    }

    private static void AssertSame(IReadOnlyList<Commit> expected, IReadOnlyList<Commit> found)
    {
        static (int Position, int TokenId) Written(Commit commit) => (commit.Position, commit.TokenId);
        Assert.Equal(expected.Select(Written), found.Select(Written));
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First.Confidence, pair.Second.Confidence, 1e-6f));
    }

    // Two infill holes and a continuation, one position pinned, some tokens banned.
    private static (Canvas Canvas, List<DenoisingStep> Steps) Run(SamplerOptions options, ulong seed, ITokenStatistics? statistics)
    {
        Canvas canvas = new(
            [
                CanvasSegment.Text([1]), CanvasSegment.Hole(5), CanvasSegment.Text([2, 3]), CanvasSegment.Hole(4), CanvasSegment.Text([4]),
                CanvasSegment.Continuation(7),
            ],
            s_tokens);
        canvas.Pin(3, 9);
        canvas.Ban(1, [5, 6, 7]);
        canvas.Ban(9, [.. Enumerable.Range(0, 30)]);
        canvas.Ban(14, [8]);
        List<DenoisingStep> steps = [];
        new Sampler(Network(seed), statistics: statistics).Run(canvas, options, observer: steps.Add);
        return (canvas, steps);
    }

    // Logits that depend on the whole canvas; those of a few tokens, special ones among them, stand out.
    private static TableDenoiser Network(ulong seed) => new(V, Mask, (ids, position, token) =>
    {
        int canvas = 0;
        foreach (int id in ids)
        {
            canvas = unchecked((canvas * 31) + id);
        }

        double unit = new CounterRandom(seed, canvas, position).Unit((ulong)token);
        return (3 * unit) + (unit > 0.95 ? 3 : 0);
    });

    private sealed class CountedStatistics : ITokenStatistics
    {
        private readonly ReferenceTokenStatistics _statistics = new();

        public int Rows { get; private set; }

        public void Forward(
            Tensor logits, ReadOnlySpan<TokenRow> rows, ReadOnlySpan<uint> masks, ReadOnlySpan<int> own, Span<TokenReading> readings)
        {
            float[] before = logits.Floats.ToArray();
            _statistics.Forward(logits, rows, masks, own, readings);
            Assert.Equal(before, logits.Floats.ToArray());
            Rows += rows.Length;
        }
    }
}
