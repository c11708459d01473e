using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Tests.Diffusion;

namespace Cinnabar.Tests.Constraints;

public sealed partial class ConstrainedSlotsTests
{
    // Lower-case letters in words, one space between; at least one word.
    private static readonly TinyConstraint s_words = new(
        TinyConstraint.Automaton(2, [1], (0, "ab", 1), (1, "ab", 1), (1, " ", 0)), ["a", "b", " ", "b a", "</s>"]) { Ends = [4] };

    [Fact]
    public void Solve_RandomCases_MatchEnumeration()
    {
        var random = new DeterministicRandom(5);
        var slots = new ConstrainedSlots(null);
        var path = new ConstrainedPath();
        int feasible = 0;
        for (int i = 0; i < 600; i++)
        {
            TinyConstraint constraint = TinyConstraint.Random(random);
            SlotsOracle oracle = SlotsOracle.Random(constraint, random, 1 + random.NextInt(constraint.Tokens.Length > 4 ? 4 : 6));
            TokenAutomaton automaton = oracle.BuildAutomaton();
            oracle.Load(slots, automaton);
            Infeasibility? infeasibility = slots.Solve();
            Assert.Equal(oracle.Texts.Count == 0, infeasibility is not null);
            if (infeasibility is null)
            {
                feasible++;
                AssertMatches(oracle, slots, automaton, path);
            }
        }

        Assert.InRange(feasible, 100, 500);
    }

    private static void AssertMatches(SlotsOracle oracle, ConstrainedSlots slots, TokenAutomaton automaton, ConstrainedPath path)
    {
        Assert.Equal(oracle.LogPartition, slots.LogPartition(), 1e-5);
        slots.ComputeMarginals();
        var row = new float[automaton.VocabularySize + 2];
        for (int slot = 0; slot < slots.Length; slot++)
        {
            if (oracle.IsWild(slot))
            {
                continue;
            }

            slots.WriteLogMarginals(slot, row);
            for (int token = 0; token < automaton.VocabularySize; token++)
            {
                Assert.Equal(oracle.Marginal(slot, token), Math.Exp(row[token]), 1e-5);
            }

            Assert.Equal(float.NegativeInfinity, row[^1]);
        }

        slots.MostProbable(path);
        double best = oracle.All.Max(text => text.Log);
        (int[] _, double log) = oracle.All.Find(text => text.Tokens.AsSpan().SequenceEqual(path.Tokens));
        Assert.Equal(best, log, 1e-9);
        AssertStates(automaton, path);
        slots.Sample(1, 2, 3, path);
        Assert.Contains(oracle.All, text => text.Tokens.AsSpan().SequenceEqual(path.Tokens));
        Assert.Contains(oracle.Texts, text => oracle.Key(text.Tokens) == oracle.Key(path.Tokens));
        AssertStates(automaton, path);
    }

    private static void AssertStates(TokenAutomaton automaton, ConstrainedPath path)
    {
        for (int i = 0; i < path.Tokens.Length; i++)
        {
            Assert.Equal(path.States[i + 1], automaton.Next(path.States[i], path.Tokens[i]));
        }

        Assert.True(automaton.Accepts(path.States[^1]));
    }

    [Fact]
    public void Sample_ManyDraws_MatchTheJointDistribution()
    {
        var random = new DeterministicRandom(8);
        var slots = new ConstrainedSlots(null);
        var path = new ConstrainedPath();
        for (int tried = 0; tried < 8;)
        {
            TinyConstraint constraint = TinyConstraint.Random(random);
            SlotsOracle oracle = SlotsOracle.Random(constraint, random, 4);
            if (oracle.Texts.Count < 5)
            {
                continue;
            }

            tried++;
            oracle.Load(slots, oracle.BuildAutomaton());
            Assert.Null(slots.Solve());
            Dictionary<string, double> counts = oracle.Texts.ToDictionary(text => oracle.Key(text.Tokens), _ => 0.0);
            for (int step = 0; step < 5000; step++)
            {
                slots.Sample(seed: 3, step, firstPosition: 17, path);
                counts[oracle.Key(path.Tokens)]++;
            }

            // Rare texts are one cell, as the approximation of the test needs.
            double log = oracle.LogPartition;
            (double Count, double Probability)[] cells =
                [.. oracle.Texts.Select(text => (counts[oracle.Key(text.Tokens)], Math.Exp(text.Log - log)))];
            (double Count, double Probability)[] common = [.. cells.Where(cell => cell.Probability > 1e-3)];
            double rest = Math.Max(0, 1 - common.Sum(cell => cell.Probability));
            double restCount = cells.Where(cell => cell.Probability <= 1e-3).Sum(cell => cell.Count);
            Assert.InRange(restCount, (5000 * rest) - 20, (5000 * rest) + 20);
            Assert.True(ChiSquare.Fits([.. common.Select(cell => cell.Count)], common.Select(cell => cell.Probability / (1 - rest))));
        }
    }

    [Fact]
    public void Sample_SecondTokenOfAClass_IsDrawnAtItsRate()
    {
        // One class of 1,200 tokens, more than a chunk, of which three are likely.
        const int Size = 1200;
        var constraint = new TinyConstraint(
            TinyConstraint.Automaton(1, [0], (0, "x", 0)), [.. Enumerable.Range(1, Size).Select(_ => "x")]);
        float[] logits = [.. Enumerable.Repeat(-30f, Size)];
        (logits[3], logits[700], logits[Size - 1]) = (MathF.Log(0.2f), MathF.Log(0.5f), MathF.Log(0.3f));
        var slots = new ConstrainedSlots(null);
        slots.Begin(constraint.Build(), 1);
        slots.Distribute(0, Tensor.From(logits, 1, Size), 0);
        Assert.Null(slots.Solve());
        Assert.Equal(0, slots.LogPartition(), 1e-6);
        var counts = new double[3];
        var path = new ConstrainedPath();
        for (int step = 0; step < 10_000; step++)
        {
            slots.Sample(1, step, 0, path);
            counts[path.Tokens[0] switch { 3 => 0, 700 => 1, Size - 1 => 2, _ => throw new InvalidOperationException() }]++;
        }

        Assert.True(ChiSquare.Fits(counts, [0.2, 0.5, 0.3]));
    }

    [Fact]
    public void MostProbable_Ties_TakeTheLowerTokens()
    {
        var slots = new ConstrainedSlots(null);
        TokenAutomaton automaton = s_words.Build();
        slots.Begin(automaton, 4);
        slots.Distribute(0, Tensor.From([1, 2, 9, 2, 9], 1, 5), 0);
        Assert.Null(slots.Solve());
        var path = new ConstrainedPath();
        slots.MostProbable(path);
        Assert.Equal([1, 0, 0, 0], path.Tokens.ToArray());
    }

    [Fact]
    public void WriteLogMarginals_UnconstrainedSlots_AreTheSoftmax()
    {
        var constraint = new TinyConstraint(TinyConstraint.Automaton(1, [0], (0, "abc", 0)), ["a", "b", "c", "ab"]);
        float[] logits = [1, 2, 3, -4];
        var slots = new ConstrainedSlots(null);
        slots.Begin(constraint.Build(), 3);
        slots.Distribute(1, Tensor.From(logits, 1, 4), 0);
        Assert.Null(slots.Solve());
        slots.ComputeMarginals();
        var row = new float[4];
        slots.WriteLogMarginals(1, row);
        double sum = logits.Sum(l => Math.Exp(l));
        Assert.All(Enumerable.Range(0, 4), v => Assert.Equal(logits[v] - Math.Log(sum), row[v], 1e-5));
    }

    [Fact]
    public void WriteLogMarginals_OverItsOwnLongRow_IsTheSoftmaxOfWhatIsAllowed()
    {
        // Two chunks and a bit; every third token is not allowed, and its logit is not looked at.
        const int Size = 1203;
        var constraint = new TinyConstraint(
            TinyConstraint.Automaton(1, [0], (0, "x", 0)), [.. Enumerable.Range(0, Size).Select(v => v % 3 == 0 ? "y" : "x")]);
        float[] logits = [.. Enumerable.Range(0, Size).Select(v => v % 3 == 0 ? float.NaN : 10 * MathF.Sin(v))];
        logits[4] = float.NegativeInfinity;
        Tensor row = Tensor.From(logits, 1, Size);
        var slots = new ConstrainedSlots(null);
        slots.Begin(constraint.Build(), 1);
        slots.Distribute(0, row, 0, scale: 0.5f);
        Assert.Null(slots.Solve());
        slots.ComputeMarginals();
        slots.WriteLogMarginals(0, row.Row(0));
        double sum = logits.Where(l => !float.IsNaN(l)).Sum(l => Math.Exp(0.5 * l));
        for (int v = 0; v < Size; v++)
        {
            double expected = v % 3 == 0 ? double.NegativeInfinity : (0.5 * logits[v]) - Math.Log(sum);
            Assert.Equal(Math.Exp(expected), Math.Exp(row.Floats[v]), 1e-7);
        }
    }

    [Fact]
    public void Solve_200MandatoryTokensOf1e25_IsExact()
    {
        // Exactly 200 x among 512 tokens: Z = C(512, 200) p_x^200, every slot an x with 200/512. A scaled sum without exponents is 0 here.
        const int Length = 512;
        const int Mandatory = 200;
        (int, string, int)[] edges =
        [
            .. Enumerable.Range(0, Mandatory + 1).Select(q => (q, "a", q)),
            .. Enumerable.Range(0, Mandatory).Select(q => (q, "x", q + 1)),
        ];
        var constraint = new TinyConstraint(TinyConstraint.Automaton(Mandatory + 1, [Mandatory], edges), ["a", "x"]);
        TokenAutomaton automaton = constraint.Build();
        float rare = (float)Math.Log(1e-25);
        var slots = new ConstrainedSlots(null);
        slots.Begin(automaton, Length);
        Tensor logits = Tensor.From([0, rare], 1, 2);
        for (int i = 0; i < Length; i++)
        {
            slots.Distribute(i, logits, 0);
        }

        Assert.Null(slots.Solve());
        double combinations = Enumerable.Range(1, Mandatory).Sum(i => Math.Log((double)(Length - Mandatory + i) / i));
        Assert.Equal(combinations + (Mandatory * (double)rare), slots.LogPartition(), 1e-6);
        slots.ComputeMarginals();
        var row = new float[2];
        for (int i = 0; i < Length; i++)
        {
            slots.WriteLogMarginals(i, row);
            Assert.Equal((double)Mandatory / Length, Math.Exp(row[1]), 1e-4);
            Assert.Equal(1, Math.Exp(row[0]) + Math.Exp(row[1]), 1e-4);
        }

        var path = new ConstrainedPath();
        slots.Sample(4, 1, 0, path);
        Assert.Equal(Mandatory, path.Tokens.Count(1));
        slots.MostProbable(path);
        Assert.Equal(Mandatory, path.Tokens.Count(1));
    }

    [Fact]
    public void Solve_AnySubsetOfAJointTextCommitted_StaysFeasible()
    {
        var random = new DeterministicRandom(21);
        var slots = new ConstrainedSlots(null);
        var path = new ConstrainedPath();
        int finished = 0;
        for (int i = 0; i < 400; i++)
        {
            TinyConstraint constraint = TinyConstraint.Random(random);
            TokenAutomaton automaton = constraint.Build();
            int[] committed = [.. Enumerable.Repeat(SlotsOracle.Open, 1 + random.NextInt(12))];
            for (int step = 0; committed.Contains(SlotsOracle.Open); step++)
            {
                Load(slots, automaton, committed, random);
                if (slots.Solve() is not null)
                {
                    Assert.Equal(0, step);
                    break;
                }

                if (random.NextInt(2) == 0)
                {
                    slots.MostProbable(path);
                }
                else
                {
                    slots.Sample((ulong)i, step, 0, path);
                }

                Commit(committed, path, random);
                if (!committed.Contains(SlotsOracle.Open))
                {
                    finished++;
                    Assert.True(constraint.Allows(committed));
                }
            }
        }

        Assert.InRange(finished, 100, 399);
    }

    private static void Load(ConstrainedSlots slots, TokenAutomaton automaton, int[] committed, DeterministicRandom random)
    {
        // Logits far apart, as of a network that is sure and wrong.
        slots.Begin(automaton, committed.Length);
        for (int slot = 0; slot < committed.Length; slot++)
        {
            float[] logits = [.. Enumerable.Range(0, automaton.VocabularySize).Select(_ => 300 * (float)random.NextGaussian())];
            if (committed[slot] != SlotsOracle.Open)
            {
                slots.Fix(slot, committed[slot]);
            }
            else
            {
                slots.Distribute(slot, Tensor.From(logits, 1, logits.Length), 0);
            }
        }
    }

    private static void Commit(int[] committed, ConstrainedPath path, DeterministicRandom random)
    {
        for (int slot = 0; slot < committed.Length; slot++)
        {
            Assert.True(committed[slot] == SlotsOracle.Open || committed[slot] == path.Tokens[slot]);
            committed[slot] = random.NextInt(3) == 0 ? path.Tokens[slot] : committed[slot];
        }
    }
}
