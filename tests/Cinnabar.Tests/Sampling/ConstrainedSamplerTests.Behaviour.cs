using Cinnabar.Checkpoints;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

/// <summary>What a constraint does to the text, and what it must not do.</summary>
public sealed partial class ConstrainedSamplerTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(4, 0)]
    [InlineData(4, 1)]
    public void Run_BlocksFromLeftToRight_EndsWhereTheNetworkEnds(int blockSize, double temperature)
    {
        // 40 tokens are left when the first end token may stand: a text that goes on there has billions of ways to do so.
        TableDenoiser network = new(s_v, s_tokenizer.MaskTokenId, (_, position, token) =>
            token == s_end ? (position >= 3 ? 4 : -4) : token == s_x ? 2 : 0);
        int longer = 0;
        for (ulong seed = 0; seed < 20; seed++)
        {
            Canvas canvas = Constrained(Canvas.ForContinuation([], 44, s_tokens), "[a-z]*");
            new Sampler(network).Run(canvas, new() { BlockSize = blockSize, Temperature = temperature, Seed = seed });
            longer += canvas.TextOf(0).Length > 12 ? 1 : 0;
        }

        Assert.InRange(longer, 0, temperature == 0 ? 0 : 6);
    }

    [Fact]
    public void Run_UniformNoiseOnSeveralCanvases_EndsWhereTheNetworkEnds()
    {
        UniformTableNetwork network = new(s_v, 4, (canvas, _, slot, token) =>
            token == s_end ? (slot == 3 ? 12 : -12) : token == s_x ? 8 : -8);
        Canvas canvas = Constrained(Canvas.ForContinuation([5], 40, s_tokens with { MaskTokenId = 0 }), "[a-z]*");
        new Sampler(network).Run(canvas, new());
        Assert.Equal("xxx", s_tokenizer.Decode(canvas.TextOf(0)));
    }

    [Fact]
    public void Run_UniformNoise_TextMatches()
    {
        int refused = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            RandomConstraint constraint = RandomConstraint.Next(random);
            int[]?[] results = [Run(1), Run(2)];
            refused += results[0] is null ? 1 : 0;
            Assert.Equal(results[0], results[1]);

            int[]? Run(int threads)
            {
                using WorkerPool workers = new(threads);
                UniformTableNetwork network = new(s_v, 6, (canvas, step, slot, token) =>
                    8 * new CounterRandom((ulong)seed, (canvas * 100) + step, slot).Unit((ulong)token));
                CanvasTokens tokens = s_tokens with { MaskTokenId = 0 };
                Canvas canvas = Canvas.ForContinuation([5, 6], 3 + (seed % 22), tokens);
                canvas.Constrain(0, s_lifter.Lift(constraint.Constraint, HoleKind.Continuation, tokens, lead: ""));
                try
                {
                    new Sampler(network, workers).Run(
                        canvas, new() { Seed = (ulong)seed, Uniform = new() { Steps = 5, EntropyBound = 20 } });
                }
                catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
                {
                    return null;
                }

                string text = s_tokenizer.Decode(canvas.TextOf(0));
                Assert.True(constraint.Holds(text), $"seed {seed}: '{text}' of {constraint}");
                return canvas.Ids.ToArray();
            }
        }

        Assert.InRange(refused, 1, 35);
    }

    [Fact]
    public void Run_EarlyExitAndLiteralText_IsNotSureOfTheRest()
    {
        // Of 14 positions 12 are given by the pattern; of the others the network knows nothing.
        TableDenoiser network = new(
            s_v, s_tokenizer.MaskTokenId, (_, position, token) => new CounterRandom(1, 2, position).Unit((ulong)token));
        CanvasTokens exact = s_tokens with { PaddingTokenId = null };
        Canvas canvas = Constrained(new Canvas([CanvasSegment.Hole(14)], exact), "xyxyxy[a-z]xyxyxy[a-z]");
        Assert.True(new Sampler(network).Run(canvas, new() { EarlyExit = 5 }) > 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Run_AnythingAllowed_IsTheTextWithoutAConstraint(int order)
    {
        // Exactly that only where tokens are whole characters and the hole has its length. A token that ends inside a character weighs only
        // as much as the tokens that can finish it, and behind an end token only end tokens follow, whatever is most probable there.
        bool[] whole = [.. Enumerable.Range(0, s_v).Select(id =>
            !s_tokenizer.IsSpecial(id) && !s_tokenizer.Decode([id]).Contains('\uFFFD', StringComparison.Ordinal))];
        CanvasTokens exact = s_tokens with
        {
            PaddingTokenId = null, NeverEmitted = [s_tokenizer.PaddingTokenId, s_tokenizer.BeginOfTextTokenId],
        };
        SamplerOptions[] all =
        [
            new(), new() { Steps = 4, BlockSize = 8 }, new() { Threshold = 0.05 }, new() { Remasking = Remasking.Margin, Steps = 5 },
            new() { Steps = 6, EditThreshold = 0.03 },
        ];
        foreach (SamplerOptions options in all)
        {
            TableDenoiser network = new(s_v, s_tokenizer.MaskTokenId, (ids, position, token) => !whole[token] ? float.NegativeInfinity
                : 9 * new CounterRandom((ulong)(order + 7), ids.Sum(), position).Unit((ulong)token));
            Canvas free = new([CanvasSegment.Text([5]), CanvasSegment.Hole(16), CanvasSegment.Text([6])], exact);
            Canvas anything = Constrained(free.Copy(), "[\\s\\S]*");
            List<float>[] confidences = [[], []];
            new Sampler(network).Run(free, options, observer: step => confidences[0].AddRange(step.Commits.Select(c => c.Confidence)));
            new Sampler(network).Run(anything, options, observer: step => confidences[1].AddRange(step.Commits.Select(c => c.Confidence)));
            Assert.Equal(free.Ids.ToArray(), anything.Ids.ToArray());
            Assert.Equal(confidences[0].Count, confidences[1].Count);
            Assert.All(confidences[0].Zip(confidences[1]), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }
    }

    [Fact]
    public void Run_PinsBansAndAnEarlierState_AreKept()
    {
        TableDenoiser network = new(s_v, s_tokenizer.MaskTokenId, (_, position, token) =>
            6 * new CounterRandom(3, 4, position).Unit((ulong)token));
        for (ulong seed = 0; seed < 30; seed++)
        {
            int[] earlier = [s_tokenizer.MaskTokenId, Id("b"), .. Enumerable.Repeat(s_tokenizer.MaskTokenId, 18)];
            Canvas canvas = Constrained(new Canvas([CanvasSegment.Hole(20)], s_tokens), "([ab] ?)+c");
            canvas.Restore(earlier);
            canvas.Pin(7, Id("a"));
            canvas.Ban(0, [Id("a")]);
            canvas.Ban(9, [Id("a"), Id("b")]);
            SamplerOptions options = new() { Temperature = 1, Seed = seed, BlockSize = 1 + (int)(seed % 9), RemaskBelow = 0.05 };
            new Sampler(network).Run(canvas, options with { Steps = 40 });
            string text = s_tokenizer.Decode(canvas.TextOf(0));
            Assert.Matches("^([ab] ?)+c$", text);
            Assert.Equal(Id("a"), canvas.Ids[7]);
            Assert.NotEqual(Id("a"), canvas.Ids[0]);
            Assert.True(canvas.TextOf(0).Length > 7);
            Assert.DoesNotContain(canvas.Ids[9], (int[])[Id("a"), Id("b")]);
        }
    }

    [Theory]
    [InlineData("abcdefgh", 3, "of 3 tokens to have room", "the shortest needs 8")]
    [InlineData("a", 3, "of 3 tokens", "every one ends before position 1")]
    [InlineData("a[bc]d", 3, "the token", "stands at position 1")]
    [InlineData("aab", 3, "at position 2 no token may be written", "Ban fewer")]
    public void Run_NoTextFits_SaysWhyAndWhere(string pattern, int length, params string[] says)
    {
        CanvasTokens exact = s_tokens with { PaddingTokenId = null };
        Canvas canvas = Constrained(new Canvas([CanvasSegment.Hole(length)], exact), pattern);
        if (pattern == "a[bc]d")
        {
            canvas.Pin(1, Id("x"));
        }
        else if (pattern == "aab")
        {
            canvas.Ban(2, [Id("b")]);
        }

        TableDenoiser network = new(s_v, s_tokenizer.MaskTokenId, (_, _, _) => 0);
        string message = Assert.Throws<CinnabarException>(() => new Sampler(network).Run(canvas, new())).Message;
        Assert.All(says, part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.Empty(network.AskedRows);
        string checks = Assert.Throws<CinnabarException>(() => new Sampler(network).Check(canvas, new())).Message;
        Assert.Equal(message, checks);
    }

    [Fact]
    public void Run_OneOfSeveralHolesIsTooSmall_IsNamed()
    {
        Canvas canvas = new([CanvasSegment.Hole(9), CanvasSegment.Text([5]), CanvasSegment.Hole(2)], s_tokens);
        Constrained(canvas, "abcd");
        TokenAutomaton second = s_lifter.Lift(Constraint.FromRegex("[0-9]{9}"), HoleKind.Infill, s_tokens, lead: "");
        canvas.Constrain(1, second);
        TableDenoiser network = new(s_v, s_tokenizer.MaskTokenId, (_, _, _) => 0);
        Assert.Contains("hole 1 of 2 tokens", Assert.Throws<CinnabarException>(() => new Sampler(network).Run(canvas, new())).Message);
    }

    [Fact]
    public void Run_Credit_GoesToTokensThatTheConstraintAllows()
    {
        // The surest token of all is in no text; of the others b leads from the first step on.
        TableDenoiser network = new(
            s_v, s_tokenizer.MaskTokenId, (_, position, token) => token == s_x ? 12 : token == Id("b") ? 1 + (0.1 * position) : 0);
        Canvas[] canvases = [.. ((bool[])[false, true]).Select(credit =>
        {
            Canvas canvas = Constrained(new Canvas([CanvasSegment.Hole(4, least: 4), CanvasSegment.Text([5])], s_tokens), "[abc]{4}");
            new Sampler(network).Run(canvas, new SamplerOptions { Credit = credit });
            return canvas;
        })];
        Assert.All(canvases, canvas => Assert.Equal(Enumerable.Repeat(Id("b"), 4), canvas.TextOf(0)));
        Assert.Equal(4, canvases[1].CommittedAt(0));
        Assert.True(canvases[1].ConfidenceOf(0) > canvases[0].ConfidenceOf(0) + 0.05, $"{canvases[1].ConfidenceOf(0)}");
    }

    // The same automaton, the same random numbers: one token after the other, or several drafted.
    [Theory]
    [InlineData("[0-9]{12}x*", 0)]
    [InlineData("[0-9]{12}x*", 1)]
    [InlineData("(ab|cd|x)+", 1)]
    public void Run_Drafts_WriteWhatReadingLeftToRightWritesUnderTheConstraint(string pattern, double temperature)
    {
        ModelConfig config = s_config with { ShiftLogits = true };
        TransformerDenoiser network = TinyNetwork.Of(config);
        int[][] texts = [.. ((int[])[1, 4, 16]).Select(drafts =>
        {
            Canvas canvas = Constrained(Canvas.ForContinuation([s_x], 24, s_tokens), pattern);
            new Sampler(network).Run(canvas, new() { DraftTokens = drafts, Temperature = temperature, Seed = 2 });
            Assert.Matches($"^({pattern})$", s_tokenizer.Decode(canvas.TextOf(0)));
            return canvas.Ids.ToArray();
        })];
        Assert.Equal(texts[0], texts[1]);
        Assert.Equal(texts[0], texts[2]);
        if (temperature == 0)
        {
            ModelConfig causal = config with { AttentionKind = AttentionKind.Causal };
            TransformerDenoiser reader = new(causal, TinyNetwork.Weights(causal), KernelTable.Create(threads: 1), MatMulPrecision.F32);
            Canvas canvas = Constrained(Canvas.ForContinuation([s_x], 24, s_tokens), pattern);
            new Sampler(reader).Run(canvas, new() { BlockSize = 1, Seed = 2 });
            Assert.Equal(canvas.Ids.ToArray(), texts[0]);
        }
    }

    private static int Id(string token) => s_tokenizer.Encode(token) is [int id] ? id : throw new InvalidOperationException(token);

    private static Canvas Constrained(Canvas canvas, string pattern)
    {
        HoleKind kind = canvas.Holes[0].Kind;
        canvas.Constrain(0, s_lifter.Lift(Constraint.FromRegex(pattern), kind, canvas.Tokens, lead: ""));
        return canvas;
    }
}
