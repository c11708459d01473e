using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Constraints;

/// <summary>What cannot be solved, what is not solved by chance, and what it costs.</summary>
public sealed partial class ConstrainedSlotsTests
{
    // Exactly "abc", without end tokens.
    private static readonly TinyConstraint s_abc = new(
        TinyConstraint.Automaton(4, [3], (0, "a", 1), (1, "b", 2), (2, "c", 3)), ["a", "b", "c", "bc", "x"]);

    [Fact]
    public void Solve_FixedTokenAgainstTheConstraint_NamesItsSlot() => Assert.Equal(
        new Infeasibility(InfeasibilityKind.FixedToken, 1, 0), Solve(s_abc, 3, slots => slots.Fix(1, 2)));

    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    [InlineData(int.MaxValue)]
    public void Solve_FixedTokenOutsideTheVocabulary_NamesItsSlot(int token) => Assert.Equal(
        new Infeasibility(InfeasibilityKind.FixedToken, 0, 0), Solve(s_abc, 3, slots => slots.Fix(0, token)));

    [Fact]
    public void Solve_MoreSlotsThanAnyTextHas_NamesTheFirstBehindIt() => Assert.Equal(
        new Infeasibility(InfeasibilityKind.TooLong, 3, 0), Solve(s_abc, 5, _ => { }));

    [Fact]
    public void Solve_FewerSlotsThanTheShortestText_TellsHowManyItNeeds() => Assert.Equal(
        new Infeasibility(InfeasibilityKind.TooShort, 1, 2), Solve(s_abc, 1, _ => { }));

    [Fact]
    public void Solve_KnownTokensMakeTheTextLonger_CountsWithThem() => Assert.Equal(
        new Infeasibility(InfeasibilityKind.TooShort, 2, 3), Solve(s_abc, 2, slots => slots.Fix(1, 1)));

    [Fact]
    public void Solve_ALetterThatNoTokenSpells_NeverEnds() => Assert.Equal(
        new Infeasibility(InfeasibilityKind.TooShort, 1, TokenAutomaton.Never),
        Solve(s_abc with { Tokens = ["a", "b"] }, 1, _ => { }));

    [Fact]
    public void Solve_AllThatMayFollowExcluded_NamesTheSlot() => Assert.Equal(
        new Infeasibility(InfeasibilityKind.Excluded, 1, 0),
        Solve(s_abc, 3, slots => slots.Distribute(
            1, Tensor.From([0, float.NegativeInfinity, 0, float.NegativeInfinity, 0], 1, 5), 0)));

    [Fact]
    public void Solve_NoSlots_ChecksThatTheTextMayBeEmpty()
    {
        Assert.Equal(new Infeasibility(InfeasibilityKind.TooShort, 0, 2), Solve(s_abc, 0, _ => { }));
        Assert.Null(Solve(new TinyConstraint(TinyConstraint.Automaton(1, [0], (0, "a", 0)), ["a"]), 0, _ => { }));
    }

    [Fact]
    public void Solve_ExactlyTheFewestTokens_IsFeasible() => Assert.Null(Solve(s_abc, 2, _ => { }));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Solve_LogitNotFinite_NamesTokenAndSlot(float bad)
    {
        float[] logits = [0, 0, 0, bad, 0];
        string message = Assert.Throws<CinnabarException>(
            () => Solve(s_abc, 3, slots => slots.Distribute(2, Tensor.From(logits, 1, 5), 0))).Message;
        Assert.Contains("token 3 in slot 2", message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1999)]
    public void Solve_NaNAmongManyTokensOfAClass_IsFound(int token)
    {
        var constraint = new TinyConstraint(
            TinyConstraint.Automaton(1, [0], (0, "x", 0)), [.. Enumerable.Range(0, 2000).Select(_ => "x")]);
        float[] logits = new float[2000];
        logits[token] = float.NaN;
        Assert.Contains($"token {token} in", Assert.Throws<CinnabarException>(
            () => Solve(constraint, 1, slots => slots.Distribute(0, Tensor.From(logits, 1, 2000), 0))).Message);
    }

    [Fact]
    public void Solve_NaNInATokenThatIsNeverAllowed_IsIgnored()
    {
        var slots = new ConstrainedSlots(null);
        TokenAutomaton automaton = s_abc.Build();
        slots.Begin(automaton, 2);
        slots.Distribute(0, Tensor.From([0, 0, 0, 0, float.NaN], 1, 5), 0);
        Assert.Null(slots.Solve());
        slots.ComputeMarginals();
        float[] row = new float[5];
        slots.WriteLogMarginals(0, row);
        Assert.Equal([0, .. Enumerable.Repeat(float.NegativeInfinity, 4)], row);
    }

    [Fact]
    public void Distribute_RowShorterThanTheVocabulary_Throws() => Assert.Contains(
        "5 tokens of the constraint, found 4",
        Assert.Throws<CinnabarException>(() => Solve(s_abc, 3, slots => slots.Distribute(0, Tensor.Zeros(1, 4), 0))).Message);

    [Fact]
    public void Solve_HugeHole_ThrowsBeforeMemoryIsTaken()
    {
        var constraint = new TinyConstraint(
            TinyConstraint.Automaton(300, [0], [.. Enumerable.Range(0, 300).Select(q => (q, "a", q / 2)), .. Enumerable.Range(0, 300)
                .Select(q => (q, "b", Math.Min(299, (q / 2) + 150)))]),
            ["a", "b"]);
        Assert.Contains("100000 slots", Assert.Throws<CinnabarException>(() => Solve(constraint, 100_000, _ => { })).Message);
    }

    [Fact]
    public void WriteLogMarginals_TheRestIsOpen_CountsATextThatEndsAsMuchAsOneThatGoesOn()
    {
        // "a" or "b" and any letters behind it. After 30 open slots there are 3^30 texts for b, and one for a.
        var constraint = new TinyConstraint(
            TinyConstraint.Automaton(3, [1, 2], (0, "a", 1), (0, "b", 2), (2, "abc", 2)), ["a", "b", "c", "</s>"]) { Ends = [3] };
        TokenAutomaton automaton = constraint.Build();
        var slots = new ConstrainedSlots(null);
        slots.Begin(automaton, 31);
        slots.Distribute(0, Tensor.From([2, 1, 0, 0], 1, 4), 0);
        Assert.Null(slots.Solve());
        slots.ComputeMarginals();
        var row = new float[4];
        slots.WriteLogMarginals(0, row);
        Assert.Equal(1 / (1 + Math.Exp(-1)), Math.Exp(row[0]), 1e-5);

        // The same where the rest must not hold one of the letters.
        for (int slot = 1; slot < 31; slot++)
        {
            slots.Open(slot, Tensor.From([float.NegativeInfinity, 0, 0, 0], 1, 4));
        }

        Assert.Null(slots.Solve());
        slots.ComputeMarginals();
        slots.WriteLogMarginals(0, row);
        Assert.Equal(1 / (1 + Math.Exp(-1)), Math.Exp(row[0]), 1e-5);
        var path = new ConstrainedPath();
        slots.Sample(1, 1, 0, path);
        Assert.DoesNotContain(0, path.Tokens[1..].ToArray());
    }

    [Fact]
    public void Solve_AnyNumberOfThreads_GivesTheSameBits()
    {
        const int Length = 24;
        var random = new DeterministicRandom(2);
        float[] logits = [.. Enumerable.Range(0, Length * 5).Select(_ => 30 * (float)random.NextGaussian())];
        Assert.Equal(Everything(null, logits), Everything(1, logits));
        Assert.Equal(Everything(null, logits), Everything(3, logits));
    }

    [Fact]
    public void Solve_SecondHoleOfASize_AllocatesNothing()
    {
        var slots = new ConstrainedSlots(null);
        TokenAutomaton automaton = s_words.Build();
        Tensor logits = Tensor.Zeros(20, 5);
        var path = new ConstrainedPath();
        float[] row = new float[5];
        long before = 0;
        for (int round = 0; round < 3; round++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            slots.Begin(automaton, 40);
            for (int i = 0; i < 20; i++)
            {
                slots.Distribute(i + 5, logits, i);
                slots.Fix(25 + (i / 2), 4);
            }

            Assert.Null(slots.Solve());
            slots.ComputeMarginals();
            slots.WriteLogMarginals(3, row);
            slots.Sample(1, round, 0, path);
            slots.MostProbable(path);
        }

        // Assert.Null boxes; nothing that grows with the hole is left.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200);
    }

    private static Infeasibility? Solve(TinyConstraint constraint, int length, Action<ConstrainedSlots> say)
    {
        TokenAutomaton automaton = constraint.Build();
        var slots = new ConstrainedSlots(null);
        slots.Begin(automaton, length);
        say(slots);
        return slots.Solve();
    }

    private static float[] Everything(int? threads, float[] logits)
    {
        using WorkerPool? workers = threads is int count ? new WorkerPool(count) : null;
        var slots = new ConstrainedSlots(workers);
        TokenAutomaton automaton = s_words.Build();
        int length = logits.Length / 5;
        Tensor rows = Tensor.From(logits, length, 5);
        slots.Begin(automaton, length);
        for (int i = 0; i < length; i++)
        {
            slots.Distribute(i, rows, i);
        }

        Assert.Null(slots.Solve());
        slots.ComputeMarginals();
        var path = new ConstrainedPath();
        slots.Sample(9, 1, 0, path);
        List<float> all = [.. path.Tokens.ToArray().Select(token => (float)token)];
        for (int i = 0; i < length; i++)
        {
            float[] row = new float[5];
            slots.WriteLogMarginals(i, row);
            all.AddRange(row);
        }

        return [.. all];
    }
}
