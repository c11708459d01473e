using Cinnabar.Checkpoints;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Sampling;

/// <summary>Whatever the network says and however it is sampled: the text of a constrained hole matches, and known text stays.</summary>
public sealed partial class ConstrainedSamplerTests
{
    private const int Cases = 8; // of each way to sample
    private const float Sureness = 4; // makes the network sure of some tokens, and not of others
    private static readonly Tokenizer s_tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 300, Threads = 1 }).Train(
    [
        .. Enumerable.Repeat("public static int Max(int a, int b) { return a > b ? a : b; }\n", 4),
        .. Enumerable.Repeat("    // naïve – 日本 🙂 {\"a\": [true, null, 12.5]}\n", 4),
    ]);

    private static readonly int s_v = s_tokenizer.VocabularySize;

    private static readonly CanvasTokens s_tokens = new(
        s_tokenizer.MaskTokenId, s_tokenizer.EndOfTextTokenId, s_tokenizer.PaddingTokenId)
    {
        NeverEmitted = [s_tokenizer.BeginOfTextTokenId],
    };

    private static readonly int s_end = s_tokenizer.EndOfTextTokenId;
    private static readonly int s_x = Id("x");
    private static readonly ConstraintLifter s_lifter = new(s_tokenizer, s_v);

    private static readonly ModelConfig s_config = TinyNetwork.Config with
    {
        VocabularySize = s_v,
        EmbeddingSize = s_v,
        MaxSequenceLength = 256,
        MaskTokenId = s_tokenizer.MaskTokenId,
        EosTokenId = s_tokenizer.EndOfTextTokenId,
        PadTokenId = s_tokenizer.PaddingTokenId,
    };

    private static readonly Dictionary<string, SamplerOptions> s_ways = new()
    {
        ["low confidence"] = new(),
        ["few steps"] = new() { Steps = 12, Transfer = Transfer.Timestep },
        ["random"] = new() { Remasking = Remasking.Random, Steps = 20 },
        ["entropy"] = new() { Remasking = Remasking.Entropy, Steps = 20 },
        ["margin"] = new() { Remasking = Remasking.Margin, Threshold = 0.3 },
        ["origin"] = new() { Remasking = Remasking.Origin, Steps = 20 },
        ["threshold"] = new() { Threshold = 0.2 },
        ["hierarchy"] = new() { Threshold = 0.3, LowThreshold = 0.05 },
        ["stability, credit"] = new() { Threshold = 0.1, Stability = 1, Credit = true },
        ["factor"] = new() { Factor = 1 },
        ["entropy bound"] = new() { Remasking = Remasking.Entropy, EntropyBound = 2 },
        ["early exit"] = new() { EarlyExit = 0.3 },
        ["masked again"] = new() { RemaskBelow = 0.2, Steps = 20 },
        ["edited"] = new() { EditThreshold = 0.05, Steps = 20 },
        ["edited and masked again"] = new() { Threshold = 0.2, EditThreshold = 0.1, RemaskBelow = 0.1, Credit = true },
        ["WINO"] = new() { Threshold = 0.1, VerifyThreshold = 0.4 },
        ["ReMDM cap"] = new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Cap, RemdmEta = 0.3, Steps = 20 },
        ["ReMDM rescale"] = new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Rescale, RemdmEta = 0.3, Steps = 20 },
        ["ReMDM confidence"] = new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Confidence, Steps = 20 },
        ["ReMDM loop"] = new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Loop, RemdmEta = 0.2, Steps = 20 },
        ["dual cache"] = new() { Cache = CacheKind.Dual, Steps = 40, MeasureDrift = true },
        ["prefix cache"] = new() { Cache = CacheKind.Prefix, CacheRefresh = 2, Steps = 40 },
        ["active cache"] = new() { Cache = CacheKind.Active, Steps = 10 },
        ["guided"] = new() { CfgScale = 1.5, Steps = 15, Alternatives = 3 },
        ["block causal"] = new() { Threshold = 0.2, BlockSize = 4 },
        ["autoregressive"] = new() { BlockSize = 1 },
    };

    public static TheoryData<string> Ways => [.. s_ways.Keys];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Run_AnyConstraint_TextMatchesForAnyThreadsAndInABatch(string way)
    {
        Network one = new(way, threads: 1);
        Network two = new(way, threads: 2);
        List<Canvas> alone = [];
        List<Canvas> together = [];
        List<SamplerOptions> options = [];
        (int refused, int edited, int masked) = (0, 0, 0);
        for (int i = 0; i < Cases; i++)
        {
            int seed = (100 * way.Length) + i;
            Template template = new(new Random(seed), continues: way is "autoregressive" or "block causal");
            SamplerOptions how = Options(s_ways[way], template.NewCanvas(), new Random(seed)) with { Seed = (ulong)seed };
            Canvas canvas = template.NewCanvas();
            try
            {
                one.Sampler.Run(canvas, how, observer: step =>
                {
                    template.CheckKnown(step.Canvas);
                    edited += step.Edits.Count;
                    masked += step.Renoised.Count;
                });
            }
            catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
            {
                refused++;
                continue;
            }

            template.Check(canvas, $"{way}, seed {seed}, {how}");
            alone.Add(canvas);
            together.Add(template.NewCanvas());
            options.Add(how);
            Canvas again = template.NewCanvas();
            two.Sampler.Run(again, how);
            Assert.Equal(canvas.Ids.ToArray(), again.Ids.ToArray());
        }

        Assert.InRange(refused, 0, Cases - 2);
        Assert.Equal(s_ways[way].EditThreshold is not null, edited > 0);
        Assert.Equal(s_ways[way] is not { RemaskBelow: null, VerifyThreshold: null, Remdm: null }, masked > 0);
        two.Sampler.Run(together, options);
        Assert.Equal(alone.Select(canvas => canvas.Ids.ToArray()), together.Select(canvas => canvas.Ids.ToArray()));
        one.Dispose();
        two.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Run_TimeOrPassesRunOut_TextMatches(int passes)
    {
        Network network = new("", threads: 1);
        int written = 0;
        for (int seed = 0; seed < 12; seed++)
        {
            Template template = new(new Random(seed), continues: false);
            foreach (SamplerOptions options in (SamplerOptions[])
            [
                new() { MaxPasses = passes, Temperature = 1, BlockSize = 4 },
                new() { Deadline = TimeSpan.FromTicks(passes), BlockSize = 4 },
            ])
            {
                Canvas canvas = template.NewCanvas();
                try
                {
                    network.Sampler.Run(canvas, options);
                    template.Check(canvas, $"seed {seed}");
                    written++;
                }
                catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
                {
                }
            }
        }

        Assert.True(written > 0);
        network.Dispose();
    }

    private static SamplerOptions Options(SamplerOptions way, Canvas canvas, Random random)
    {
        double[] temperatures = [0, 0.7, 1.5];
        SamplerOptions options = way with
        {
            Temperature = temperatures[random.Next(3)],
            TopP = random.Next(3) == 0 ? 0.05 + (0.9 * random.NextDouble()) : null,
            TopK = random.Next(3) == 0 ? 1 + random.Next(20) : null,
            BlockSize = way.BlockSize ?? (random.Next(2) == 0 ? null : 1 + random.Next(12)),
        };
        int blocks = options.BlockSize is int size ? (canvas.NoisyCount + size - 1) / size : 1;
        int? steps = random.Next(4) == 0 && way.BlockSize is null ? 1 + random.Next(4) : options.Steps;
        return options with { Steps = steps is int count ? Math.Max(count, blocks) : null };
    }

    /// <summary>A network with random weights on threads of its own.</summary>
    private sealed class Network : IDisposable
    {
        private readonly KernelTable _kernels;

        public Network(string way, int threads)
        {
            _kernels = KernelTable.Create(threads);
            ModelConfig config = way switch
            {
                "block causal" => s_config with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 4 },
                "autoregressive" => s_config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true },
                _ => s_config,
            };
            Dictionary<string, Tensor> weights = TinyNetwork.Weights(config);
            foreach (ref float value in weights[LladaWeightNames.Head].Floats)
            {
                value *= Sureness;
            }

            Sampler = new Sampler(TransformerDenoiser.ForInference(config, name => weights[name], _kernels), _kernels.Workers);
        }

        public Sampler Sampler { get; }

        public void Dispose() => _kernels.Workers.Dispose();
    }

    /// <summary>Known text and holes, most of them constrained.</summary>
    private sealed class Template
    {
        private readonly List<CanvasSegment> _segments = [];
        private readonly List<RandomConstraint?> _constraints = [];
        private readonly string[] _leads;
        private readonly CanvasTokens _canvasTokens;

        public Template(Random random, bool continues)
        {
            string[] texts = ["int x = ", "return", "日本", "\n", "{\"a\":", ""];
            for (int holes = continues ? 0 : 1 + random.Next(3); holes > 0; holes--)
            {
                _segments.Add(CanvasSegment.Text(s_tokenizer.Encode(texts[random.Next(texts.Length)])));
                bool isFree = random.Next(4) == 0;
                (RandomConstraint constraint, int length) = Fitting(random, HoleKind.Infill);
                _segments.Add(CanvasSegment.Hole(length));
                _constraints.Add(isFree ? null : constraint);
            }

            _segments.Add(CanvasSegment.Text(s_tokenizer.Encode(texts[random.Next(texts.Length)])));
            if (continues || random.Next(3) == 0)
            {
                (RandomConstraint constraint, int length) = Fitting(random, HoleKind.Continuation);
                _segments.Add(CanvasSegment.Continuation(length));
                _constraints.Add(constraint);
            }

            _leads = [.. _constraints.Select(_ => random.Next(3) == 0 ? " " : "")];
            _canvasTokens = random.Next(5) > 0 ? s_tokens
                : s_tokens with { PaddingTokenId = null, NeverEmitted = [s_tokenizer.PaddingTokenId] };
        }

        // A constraint, and a length that some text of it has room in.
        private static (RandomConstraint Constraint, int Length) Fitting(Random random, HoleKind kind)
        {
            while (true)
            {
                RandomConstraint constraint = RandomConstraint.Next(random);
                TokenAutomaton automaton = s_lifter.Lift(constraint.Constraint, kind, s_tokens, lead: "");
                if (automaton.MinTokens(automaton.Start) is int fewest and < 30)
                {
                    return (constraint, 1 + fewest + random.Next(12));
                }
            }
        }

        public Canvas NewCanvas()
        {
            Canvas canvas = new(_segments, _canvasTokens);
            for (int hole = 0; hole < canvas.Holes.Count; hole++)
            {
                if (_constraints[hole] is RandomConstraint constraint)
                {
                    canvas.Constrain(
                        hole, s_lifter.Lift(constraint.Constraint, canvas.Holes[hole].Kind, _canvasTokens, _leads[hole]));
                }
            }

            return canvas;
        }

        public void CheckKnown(Canvas canvas)
        {
            int position = 0;
            foreach (CanvasSegment segment in _segments)
            {
                Assert.True(segment.Kind is not null || canvas.Ids.Slice(position, segment.Length).SequenceEqual(segment.Ids));
                position += segment.Length;
            }
        }

        public void Check(Canvas canvas, string how)
        {
            CheckKnown(canvas);
            Assert.Equal(0, canvas.NoisyCount);
            for (int hole = 0; hole < canvas.Holes.Count; hole++)
            {
                string text = s_tokenizer.Decode(canvas.TextOf(hole));
                text = text.StartsWith(_leads[hole], StringComparison.Ordinal) ? text[_leads[hole].Length..] : text;
                Assert.True(_constraints[hole]?.Holds(text) != false, $"{how}: '{text}' in hole {hole} of {_constraints[hole]}");
            }
        }
    }
}
