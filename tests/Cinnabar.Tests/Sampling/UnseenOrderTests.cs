using Cinnabar.Checkpoints;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Sampling;

/// <summary>
/// Orders that need no rows, against the same orders that look at all of them: the same steps and text, from the rows of what is written.
/// </summary>
public sealed class UnseenOrderTests
{
    private const int V = 12;
    private const int Mask = 11;
    private const int Eos = 10;
    private const int Pad = 9;
    private static readonly CanvasTokens s_endless = new(Mask, null, null) { NeverEmitted = [Eos, Pad] };
    private static readonly CanvasTokens s_ending = new(Mask, Eos, null) { NeverEmitted = [Pad] };
    private static readonly CanvasTokens s_padded = new(Mask, Eos, Pad);

    private static readonly Dictionary<string, SamplerOptions> s_ways = new()
    {
        ["a token a step"] = new(),
        ["one step"] = new() { Steps = 1 },
        ["few steps"] = new() { Steps = 4 },
        ["timesteps"] = new() { Steps = 9, Transfer = Transfer.Timestep },
        ["blocks"] = new() { Steps = 9, BlockSize = 7, Temperature = 0.7 },
        ["drawn"] = new() { Steps = 5, Temperature = 1, TopP = 0.9, TopK = 5 },
        ["guided"] = new() { Steps = 6, CfgScale = 1.5, Temperature = 1 },
        ["few passes"] = new() { MaxPasses = 3, Temperature = 1 },
        ["origin"] = new() { Remasking = Remasking.Origin, Steps = 12, Temperature = 1 },
        ["origin, few passes"] = new() { Remasking = Remasking.Origin, Steps = 12, MaxPasses = 5 },
    };

    public static TheoryData<string> Ways => [.. s_ways.Keys];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Run_OrderWithoutRows_AsksForWhatItWritesAndWritesTheSame(string way)
    {
        for (ulong seed = 0; seed < 8; seed++)
        {
            SamplerOptions options = s_ways[way] with { Seed = seed };
            options = options.Remasking == Remasking.Origin ? options : options with { Remasking = Remasking.Random };
            foreach (CanvasTokens tokens in (CanvasTokens[])[s_endless, s_ending])
            {
                TableDenoiser network = Network(seed);
                List<DenoisingStep> steps = Steps(network, CanvasOf(tokens), options);
                List<DenoisingStep> all = Steps(Network(seed), CanvasOf(tokens), Seen(options));
                AssertSame(all, steps);
                if (tokens != s_endless)
                {
                    continue; // what is filled behind an end is written without its row
                }

                int passes = options.CfgScale > 0 ? 2 : 1; // for the same rows
                DenoisingStep[] working =
                    [.. steps.DistinctBy(step => step.ForwardPasses).Where(step => step.ForwardPasses > 0)];
                Assert.Equal(passes * working.Length, network.AskedRows.Count);
                for (int i = 0; i < working.Length; i++)
                {
                    // A pass that writes nothing asks for one row.
                    int[] written = [.. working[i].Commits.Select(commit => commit.Position)];
                    Assert.Equal(Math.Max(1, written.Length), network.AskedRows[i * passes].Length);
                    Assert.True(written.Length == 0 || written.SequenceEqual(network.AskedRows[i * passes]));
                }
            }
        }
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("padding")]
    [InlineData("alternatives")]
    [InlineData("masked again")]
    [InlineData("edited")]
    [InlineData("remdm")]
    [InlineData("constrained")]
    public void Run_WhoReadsTheOtherRows_DecidesWhetherAllAreAskedFor(string what)
    {
        SamplerOptions options = what switch
        {
            "alternatives" => new() { Alternatives = 2, Remasking = Remasking.Random, Steps = 4 },
            "masked again" => new() { RemaskBelow = 0.3, Remasking = Remasking.Random, Steps = 4 },
            "edited" => new() { EditThreshold = 0.9, Remasking = Remasking.Random, Steps = 4 },
            "remdm" => new() { Remdm = RemdmKind.Cap, Remasking = Remasking.Origin, Steps = 4 },
            _ => new() { Remasking = Remasking.Random, Steps = 4 },
        };
        Canvas canvas = CanvasOf(what == "padding" ? s_padded : s_endless);
        TableDenoiser network = Network(1);
        if (what == "constrained")
        {
            (canvas, network) = Constrained();
        }

        int noisy = canvas.NoisyCount;
        DenoisingStep first = new Sampler(network).Steps(canvas, options).First();
        Assert.Equal(what == "nobody" ? 9 : noisy, network.AskedRows[0].Length); // 35 in 4 steps are 9, 9, 9, 8
        Assert.Equal(what == "alternatives" ? noisy : 0, first.Alternatives.Count);
    }

    [Theory]
    [InlineData(CacheKind.Prefix)]
    [InlineData(CacheKind.Dual)]
    [InlineData(CacheKind.Active)]
    public void Run_WithACache_ComputesTheSamePositions(CacheKind kind)
    {
        // With shifted logits a row has its predecessor computed anew, which changes what the others see.
        ModelConfig config = TinyNetwork.Config with { MaxSequenceLength = 40, ShiftLogits = true };
        TransformerDenoiser network = TinyNetwork.Of(config);
        SamplerOptions options = new()
        {
            Remasking = Remasking.Random, Cache = kind, BlockSize = 8, Steps = 12, Temperature = 1, Seed = 4,
        };
        List<DenoisingStep> steps = [.. new Sampler(network).Steps(Begun(), options)];
        List<DenoisingStep> all = [.. new Sampler(network).Steps(Begun(), Seen(options))];
        AssertSame(all, steps);
        Assert.Equal(all.Select(step => step.ComputedPositions), steps.Select(step => step.ComputedPositions));

        static Canvas Begun() => Canvas.ForContinuation([.. Enumerable.Range(5, 12)], 28, new CanvasTokens(0, 1, null));
    }

    [Fact]
    public void Step_OrderWithoutRows_AllocatesNothingAfterTheFirst()
    {
        MaskedRun run = new(Network(1), new CandidateReader(V, workers: null), TimeProvider.System);
        DrawingRules rules = new(s_endless, new SamplerOptions { Remasking = Remasking.Random, Steps = 8 }, V);
        for (int canvas = 0; canvas < 2; canvas++)
        {
            run.Begin(CanvasOf(s_endless), rules);
            for (int step = 0; step < 8; step++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                bool isTaken = run.Next(CancellationToken.None);
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.True(isTaken);
                Assert.InRange(run.Rows.Length, 4, 5);
                Assert.True(canvas == 0 || allocated == 0, $"Choosing the rows of step {step + 1} allocates {allocated} bytes.");
                run.FinishStep();
            }
        }
    }

    // The same order by a policy that does not say that it needs no rows.
    private static SamplerOptions Seen(SamplerOptions options)
    {
        bool isOrigin = options.Remasking == Remasking.Origin;
        return options with { Policy = () => new Looking(isOrigin ? new OriginPolicy() : new RandomPolicy()) };
    }

    private static void AssertSame(List<DenoisingStep> expected, List<DenoisingStep> found)
    {
        Assert.Equal(expected[^1].Canvas.Ids.ToArray(), found[^1].Canvas.Ids.ToArray());
        Assert.Equal(expected.Select(step => (step.Step, step.ForwardPasses)), found.Select(step => (step.Step, step.ForwardPasses)));
        Assert.Equal(expected.Select(step => step.Commits.ToArray()), found.Select(step => step.Commits.ToArray()));
    }

    private static List<DenoisingStep> Steps(TableDenoiser network, Canvas canvas, SamplerOptions options) =>
        [.. new Sampler(network).Steps(canvas, options)];

    // A hole and a continuation.
    private static Canvas CanvasOf(CanvasTokens tokens) => new(
        [CanvasSegment.Text([1, 2]), CanvasSegment.Hole(13), CanvasSegment.Text([3]), CanvasSegment.Continuation(22)], tokens);

    private static (Canvas Canvas, TableDenoiser Network) Constrained()
    {
        Tokenizer tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 270, Threads = 1 }).Train(["a1 b22 c333 a1 b22"]);
        CanvasTokens tokens = new(tokenizer.MaskTokenId, tokenizer.EndOfTextTokenId, null);
        Canvas canvas = new([CanvasSegment.Hole(6)], tokens);
        ConstraintLifter lifter = new(tokenizer, tokenizer.VocabularySize);
        canvas.Constrain(0, lifter.Lift(Constraint.FromRegex("[0-9]{6,}"), HoleKind.Infill, tokens, lead: ""));
        return (canvas, new TableDenoiser(tokenizer.VocabularySize, tokens.MaskTokenId, (_, _, _) => 0));
    }

    // Logits that depend on the whole canvas.
    private static TableDenoiser Network(ulong seed) => new(V, Mask, (ids, position, token) =>
    {
        int canvas = 0;
        foreach (int id in ids)
        {
            canvas = unchecked((canvas * 31) + id);
        }

        return 3 * new CounterRandom(seed, canvas, position).Unit((ulong)token);
    });

    private sealed class Looking(StepPolicy order) : StepPolicy
    {
        public override RowUse Uses => order.Uses;

        public override double Score(TokenDistribution row, CounterRandom random) => order.Score(row, random);

        public override int Count(ReadOnlySpan<double> scores, in StepContext context) => order.Count(scores, context);

        public override bool NeedsPass(in StepContext context) => order.NeedsPass(context);
    }
}
