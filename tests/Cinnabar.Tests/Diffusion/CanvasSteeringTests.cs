using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Tests.Sampling;

namespace Cinnabar.Tests.Diffusion;

/// <summary>Tokens that stand, tokens that must not.</summary>
public sealed partial class CanvasSteeringTests
{
    private const int V = 14;
    private const int Mask = 13;
    private const int Eos = 12;
    private const int Pad = 11;
    private const int Never = 10;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad) { NeverEmitted = [Never] };

    [Fact]
    public void PinAndBan_RandomTextsAndPolicies_HoldInEveryStep()
    {
        for (ulong seed = 0; seed < 150; seed++)
        {
            DeterministicRandom random = new(seed);
            Canvas canvas = Holes();
            int pin = new[] { 1 + random.NextInt(6), 8 + random.NextInt(7) }[random.NextInt(2)];
            int token = random.NextInt(Never);
            int ban = 1 + random.NextInt(6);
            int[] banned = [.. Enumerable.Range(0, V).Where(id => id is not (1 or 2) && (ban != pin || id != token))];
            canvas.Pin(pin, token);
            canvas.Ban(ban, banned);
            SamplerOptions options = new()
            {
                Temperature = random.NextInt(2),
                Seed = seed,
                EditThreshold = random.NextInt(2) == 0 ? 0.2 : null,
                RemaskBelow = random.NextInt(2) == 0 ? 0.4 : null,
                Threshold = random.NextInt(2) == 0 ? 0.4 : null,
                BlockSize = random.NextInt(2) == 0 ? 3 : null,
            };
            new Sampler(Network(seed)).Run(canvas, options, observer: step =>
            {
                Assert.Equal((token, PositionState.Frozen), (step.Canvas.Ids[pin], step.Canvas.StateOf(pin)));
                Assert.DoesNotContain(step.Commits.Concat(step.Edits), commit => commit.Position == pin);
            });
            int hole = canvas.HoleOf(pin);
            Assert.True(canvas.TextOf(hole).Length > pin - canvas.Holes[hole].Start, "The text ends before its pin.");
            bool isText = canvas.TextOf(0).Length > ban - 1;
            Assert.True(!isText || !banned.Contains(canvas.Ids[ban]), $"Seed {seed}: {canvas.Ids[ban]} was banned.");
        }
    }

    [Fact]
    public void Pin_BehindAnEnd_KeepsTheTextGoing()
    {
        // The network wants nothing but ends.
        (CanvasSegment, int)[] holes = [(CanvasSegment.Hole(6), Pad), (CanvasSegment.Continuation(6), Eos)];
        foreach ((CanvasSegment hole, int end) in holes)
        {
            TableDenoiser network = new(V, Mask, (_, _, token) => token == end ? 9 : token == 3 ? 1 : 0);
            Canvas canvas = new([CanvasSegment.Text([5]), hole], s_tokens);
            canvas.Restore([5, 4, end, end, end, end, end]);
            canvas.Pin(4, 7);
            new Sampler(network).Run(canvas, new SamplerOptions());
            Assert.Equal([4, 3, 3, 7], canvas.TextOf(0));
        }
    }

    [Fact]
    public void Pin_TheTokenThatEndsOtherHoles_IsText()
    {
        // One id ends texts and is padding, as in LLaDA: no pin. Padding in a continuation of two ids: an ordinary token.
        Canvas canvas = Canvas.ForContinuation([5], 4, s_tokens);
        canvas.Pin(2, Pad);
        new Sampler(new TableDenoiser(V, Mask, (_, _, token) => token == 3 ? 9 : 0)).Run(canvas, new SamplerOptions());
        Assert.Equal([3, Pad, 3, 3], canvas.TextOf(0));
        Canvas one = Canvas.ForContinuation([5], 4, new CanvasTokens(Mask, Eos, Eos));
        Assert.Throws<CinnabarException>(() => one.Pin(2, Eos));
    }

    [Fact]
    public void PinAndBan_InAnyOrderWithRestore_GiveTheSame()
    {
        int[] state = Holes().Ids.ToArray();
        (state[2], state[3], state[4]) = (4, Pad, Pad);
        Canvas before = Holes();
        before.Ban(2, [4, 5]);
        before.Ban(2, [6]);
        before.Restore(state);
        Canvas after = Holes();
        after.Restore(state);
        after.Ban(2, [6]);
        after.Ban(2, [4, 5]);
        Assert.Equal(before.Ids.ToArray(), after.Ids.ToArray());
        Assert.Equal((Mask, PositionState.Noisy), (before.Ids[2], before.StateOf(2)));
        Assert.Equal(before.NoisyCount, after.NoisyCount);
    }

    [Theory]
    [InlineData(0, 3)] // known text
    [InlineData(7, 3)]
    [InlineData(-1, 3)]
    [InlineData(15, 3)]
    [InlineData(int.MinValue, 3)]
    [InlineData(int.MaxValue, 3)]
    [InlineData(2, Mask)]
    [InlineData(2, Pad)]
    [InlineData(2, Never)]
    [InlineData(9, Eos)]
    [InlineData(2, -1)]
    [InlineData(2, int.MinValue)]
    public void Pin_WrongPlaceOrToken_IsRefused(int position, int token)
    {
        Canvas canvas = Holes();
        Assert.Contains($"{position}", Assert.Throws<CinnabarException>(() => canvas.Pin(position, token)).Message);
        Assert.Equal(13, canvas.NoisyCount);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(15, 3)]
    [InlineData(-1, 3)]
    [InlineData(2, -1)]
    public void Ban_WrongPlaceOrToken_IsRefused(int position, int token) =>
        Assert.Throws<CinnabarException>(() => Holes().Ban(position, [token]));

    [Fact]
    public void PinAndBan_SameTokenAtAPosition_IsRefused()
    {
        Canvas canvas = Holes();
        canvas.Pin(2, 4);
        Assert.Contains("both", Assert.Throws<CinnabarException>(() => canvas.Ban(2, [3, 4])).Message);
        canvas.Ban(3, [4]);
        Assert.Throws<CinnabarException>(() => canvas.Pin(3, 4));
        canvas.Ban(2, [3]);
        canvas.Pin(2, 5);
        Assert.Equal(5, canvas.Ids[2]);
    }

    [Fact]
    public void Pin_CommittedPosition_ForgetsItsStep()
    {
        Canvas canvas = Holes();
        new Sampler(Network(3)).Run(canvas, new SamplerOptions());
        canvas.Pin(2, 4);
        Assert.Equal((4, PositionState.Frozen, 0, 1f), (canvas.Ids[2], canvas.StateOf(2), canvas.CommittedAt(2), canvas.ConfidenceOf(2)));
    }

    [Fact]
    public void Copy_OfASteeredCanvas_IsSteeredTheSame()
    {
        Canvas canvas = Holes();
        canvas.Ban(1, [1, 2, 3]);
        canvas.Pin(3, 4);
        Canvas copy = canvas.Copy();
        copy.Ban(2, [5]);
        new Sampler(Network(3)).Run(canvas, new SamplerOptions());
        Canvas again = copy.Copy();
        new Sampler(Network(3)).Run(copy, new SamplerOptions());
        new Sampler(Network(3)).Run(again, new SamplerOptions());
        Assert.Equal(copy.Ids.ToArray(), again.Ids.ToArray());
        Assert.DoesNotContain(copy.Ids[1], (int[])[1, 2, 3, Pad]);
        Assert.NotEqual(5, copy.Ids[2]);
    }

    [Fact]
    public void Pin_EveryPositionOfALongCanvas_Stands()
    {
        Canvas canvas = Canvas.ForContinuation([], 20_000, s_tokens);
        for (int position = 0; position < canvas.Length; position++)
        {
            canvas.Pin(position, 3);
        }

        Assert.Equal(20_000, canvas.TextOf(0).Length);
        Assert.Equal(0, canvas.NoisyCount);
    }

    [Fact]
    public void Alternatives_EveryNoisyPosition_MostProbableFirstWithoutForbidden()
    {
        // logits 0.1·token: softmax over the ids that may be written, at temperature 1 whatever the draw uses.
        TableDenoiser network = new(V, Mask, (_, _, token) => 0.1 * token);
        Canvas canvas = Holes();
        canvas.Ban(2, [9, 8]);
        SamplerOptions options = new() { Alternatives = 3, Temperature = 2, TopK = 1 };
        List<DenoisingStep> steps = [.. new Sampler(network).Steps(canvas, options)];
        Alternatives[] first = [.. steps[0].Alternatives];
        Assert.Equal([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14], first.Select(row => row.Position));
        Assert.Equal([Pad, 9, 8], first[0].Tokens.Select(token => token.TokenId));
        Assert.Equal([Pad, 7, 6], first[1].Tokens.Select(token => token.TokenId));
        Assert.Equal([Eos, 9, 8], first[6].Tokens.Select(token => token.TokenId));
        double sum = Enumerable.Range(0, 10).Append(Pad).Sum(id => Math.Exp(0.1 * id));
        Assert.Equal(Math.Exp(1.1) / sum, first[0].Tokens[0].Probability, 1e-6);

        // They change no text.
        Canvas without = Holes();
        without.Ban(2, [9, 8]);
        new Sampler(network).Run(without, options with { Alternatives = 0 });
        Assert.Equal(canvas.Ids.ToArray(), without.Ids.ToArray());
    }

    // 0 known, 1 … 6 a hole, 7 known, 8 … 14 a continuation.
    private static Canvas Holes() => new(
        [CanvasSegment.Text([3]), CanvasSegment.Hole(6), CanvasSegment.Text([4]), CanvasSegment.Continuation(7)], s_tokens);

    private static TableDenoiser Network(ulong seed) => new(V, Mask, (ids, position, token) =>
    {
        int canvas = 0;
        foreach (int id in ids)
        {
            canvas = unchecked((canvas * 31) + id);
        }

        return new CounterRandom(seed, canvas, position).Unit((ulong)token) * 6;
    });
}
