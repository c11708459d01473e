using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests.Objectives;

public sealed class MaskedDiffusionObjectiveTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    private const int Batch = 16;
    private const int Length = 64;
    private const int Tokens = 5000;

    private int Mask => runs.Config.MaskTokenId;

    private int Pad => runs.Config.PadTokenId;

    [Fact]
    public void Draw_AnyStep_MasksTokensOfAWindowAndChangesNothingElse()
    {
        ushort[] text = Text();
        foreach (TrainingBatch batch in Steps(Options(), 1, 10))
        {
            Assert.Equal(4, batch.Batch);
            Assert.Equal(4 * Length, batch.Ids.Length);
            Assert.Equal(batch.Rows.Order(), batch.Rows);
            Assert.Equal(batch.Rows.Length, batch.Targets.Length);
            Assert.Equal(batch.Rows.Length, batch.Scales.Length);
            Assert.Equal(batch.Rows, Enumerable.Range(0, batch.Ids.Length).Where(i => batch.Ids[i] == Mask));
            int[] clean = Clean(batch);
            for (int b = 0; b < batch.Batch; b++)
            {
                Assert.Equal(Length, batch.ValidLengths[b]);
                Assert.True(IsWindow(text, clean[(b * Length)..((b + 1) * Length)]), "The clean tokens are no window of the text.");
            }
        }
    }

    [Fact]
    public void Draw_Scales_AreOneOverMaskingProbabilityAndTokens()
    {
        // Per decile of p: as many tokens are masked as p says.
        double[] masked = new double[10];
        double[] expected = new double[10];
        double[] variance = new double[10];
        foreach ((double p, int rows) in Steps(Options(), 1, 60).SelectMany(batch => Sequences(batch)))
        {
            int decile = Math.Min(9, (int)(p * 10));
            masked[decile] += rows;
            expected[decile] += p * Length;
            variance[decile] += p * (1 - p) * Length;
        }

        for (int decile = 1; decile < 10; decile++) // below 0.1 a sequence may have no masked token, and then shows no p
        {
            Assert.InRange((masked[decile] - expected[decile]) / Math.Sqrt(variance[decile]), -4, 4);
        }
    }

    [Fact]
    public void Draw_TimesOfABatch_LieInDifferentStrata()
    {
        TrainingOptions options = Options();
        MaskedDiffusionObjective objective = Objective(options);
        for (int step = 1; step <= 20; step++)
        {
            TrainingBatch[] batches = [.. objective.Draw(step)];
            Assert.Equal(Batch / 4, batches.Length);
            AssertSpread([.. batches.SelectMany(Sequences).Select(s => TimeOf(s.P, options))], Batch);
        }
    }

    [Fact]
    public void Draw_TimesOfABatch_AreThoseOfTheNoiseSchedule()
    {
        TrainingOptions options = Options();
        DeterministicRandom noise = new DeterministicRandom(options.Seed).Fork(3).Fork(1);
        double[] times = NoiseSchedule.Times(Batch, noise, options.NoiseEpsilon);
        double[] drawn = [.. Objective(options).Draw(3).SelectMany(Sequences).Select(s => s.P)];
        Assert.InRange(drawn.Length, Batch - 2, Batch); // a sequence without a masked token shows no time
        Assert.All(drawn, p => Assert.Contains(times, t => Math.Abs(t - p) < 1e-6));
    }

    [Fact]
    public void Draw_UniformPredictor_LosesTheLogarithmOfTheVocabulary()
    {
        // Each row costs ln V, so the loss of a batch is ln V · Σ scales, whose mean must be ln V.
        MaskedDiffusionObjective objective = Objective(Options());
        double[] sums = [.. Enumerable.Range(1, 300).Select(step => objective.Draw(step).Sum(batch => batch.Scales.Sum(s => (double)s)))];
        double mean = sums.Average();
        double error = Math.Sqrt(sums.Sum(s => (s - mean) * (s - mean)) / (sums.Length - 1) / sums.Length);
        Assert.True(error < 0.03, $"The standard error {error} is too large to tell.");
        Assert.InRange((mean - 1) / error, -4, 4);
    }

    [Fact]
    public void Draw_SameStep_DoesNotDependOnWhatWasDrawnBefore()
    {
        TrainingOptions options = Options() with { InfillShare = 0.3, ContinuationShare = 0.3, RandomLengthShare = 0.3 };
        MaskedDiffusionObjective first = Objective(options);
        MaskedDiffusionObjective second = Objective(options);
        first.Draw(7);
        IReadOnlyList<TrainingBatch> three = first.Draw(3);
        foreach ((TrainingBatch a, TrainingBatch b) in three.Zip(second.Draw(3)))
        {
            Assert.Equal(a.Ids, b.Ids);
            Assert.Equal(a.Scales, b.Scales);
            Assert.Equal(a.ValidLengths, b.ValidLengths);
        }

        Assert.NotEqual(first.Draw(4)[0].Ids, three[0].Ids);
        Assert.NotEqual(Objective(options with { Seed = 99 }).Draw(3)[0].Ids, three[0].Ids);
    }

    [Fact]
    public void Draw_Continuation_LeavesAPrefixClean()
    {
        int[] masked = new int[Length];
        int sequences = 0;
        foreach (TrainingBatch batch in Steps(Options() with { ContinuationShare = 1 }, 1, 60))
        {
            sequences += batch.Batch;
            Array.ForEach(batch.Rows, row => masked[row % Length]++);
            Assert.True(IsWindow(Text(), Clean(batch)[..Length]));
        }

        // A position is masked in half of the sequences whose prefix ends before it: i/L of them, so the first almost never.
        Assert.InRange(masked[0], 0, sequences * 0.05);
        Assert.InRange(masked[Length / 2], sequences * 0.17, sequences * 0.33);
        Assert.InRange(masked[^1], sequences * 0.42, sequences * 0.58);
    }

    [Fact]
    public void Draw_RandomLengths_PadsAndMasksNothingBehindTheEnd()
    {
        HashSet<int> lengths = [];
        foreach (TrainingBatch batch in Steps(Options() with { RandomLengthShare = 1, InfillShare = 0.3, ContinuationShare = 0.3 }, 1, 60))
        {
            for (int b = 0; b < batch.Batch; b++)
            {
                lengths.Add(batch.ValidLengths[b]);
                Assert.All(batch.Ids[((b * Length) + batch.ValidLengths[b])..((b + 1) * Length)], id => Assert.Equal(Pad, id));
            }

            Assert.All(batch.Rows, row => Assert.True(row % Length < batch.ValidLengths[row / Length]));
        }

        Assert.Equal(1, lengths.Min());
        Assert.Equal(Length, lengths.Max());
        Assert.True(lengths.Count > 50);
    }

    [Fact]
    public void Draw_Infill_MasksHolesAndKeepsTheOrderOfTheText()
    {
        ushort[] text = Text();
        int clean = 0;
        int pads = 0;
        foreach (TrainingBatch batch in Steps(Options() with { InfillShare = 1 }, 1, 60))
        {
            int[] all = Clean(batch);
            for (int b = 0; b < batch.Batch; b++)
            {
                int[] sequence = all[(b * Length)..((b + 1) * Length)];
                int[] kept = [.. sequence.Where(id => id != Pad)];
                Assert.True(IsWindow(text, kept), "The tokens that are no padding are not in the order of the text.");
                pads += Length - kept.Length;
            }

            clean += batch.Ids.Length - batch.Rows.Length;
        }

        Assert.True(pads > 500, "No end-of-hole tokens were drawn.");
        Assert.True(clean > 0.6 * 60 * Batch * Length, "Context was masked.");
    }

    [Fact]
    public void Constructor_TextShorterThanASequence_Throws()
    {
        TokenDataset data = TokenDataset.FromTokens(Text()[..(Length - 1)], runs.Config.VocabularySize);
        Assert.Throws<CinnabarException>(() => new HoleWindows(data, Options(), new HoleShapes(runs.Tokenizer, closesHoles: false)));
        data = TokenDataset.FromTokens(Text()[..Length], runs.Config.VocabularySize);
        TrainingObjective whole = TrainingObjective.Create(Options(), data, runs.Tokenizer);
        Assert.Equal(Text()[..Length].Select(id => (int)id), Clean(whole.Draw(1)[0])[..Length]);
    }

    [Fact]
    public void Draw_LinearWeightsUpToARate_FallWithTheMaskingProbability()
    {
        TrainingOptions options = Options() with { TimeWeight = "linear", NoiseEpsilon = 0.2, MaxMaskRate = 0.6 };
        double masked = 0;
        foreach (TrainingBatch batch in Steps(options, 1, 60))
        {
            masked += batch.Rows.Length;
            foreach (IGrouping<int, (int Row, float Scale)> sequence in batch.Rows.Zip(batch.Scales).GroupBy(row => row.First / Length))
            {
                double t = 1 - ((double)sequence.First().Scale * Batch * Length);
                Assert.InRange(t, 0.2 - 1e-6, 0.6 + 1e-6);
                Assert.InRange((sequence.Count() - (t * Length)) / Math.Sqrt(t * (1 - t) * Length), -5, 5);
            }
        }

        Assert.InRange(masked / (60 * Batch * Length), 0.38, 0.42);
    }

    [Fact]
    public void Draw_SeparateTimes_GivesEachHoleATimeOfItsOwn()
    {
        const int Long = 400; // room for several holes
        Assert.Equal(0, ShareWithSeveralTimes(separate: false));
        Assert.InRange(ShareWithSeveralTimes(separate: true), 0.5, 1);

        double ShareWithSeveralTimes(bool separate)
        {
            TrainingOptions options = runs.Options("nowhere", runs.Config with { MaxSequenceLength = Long }) with
            {
                BatchSize = Batch,
                MicroBatchSize = 4,
                SequenceLength = Long,
                InfillShare = 1,
                ContinuationShare = 0,
                SeparateTimes = separate,
            };
            return Steps(options, 1, 10)
                .SelectMany(batch => batch.Rows.Zip(batch.Scales).GroupBy(row => row.First / Long))
                .Average(sequence => sequence.Select(row => row.Second).Distinct().Count() > 1 ? 1.0 : 0.0);
        }
    }

    [Fact]
    public void Draw_TailShare_MasksTheLastTokensOfThatShare()
    {
        const int Steps = 40;
        Assert.InRange(ShareOfTails(0), 0, 0.05); // a sequence with few or nearly all of its tokens masked may look like one
        Assert.InRange(ShareOfTails(0.5), 0.42, 0.58);
        Assert.Equal(1, ShareOfTails(1));
        double masked = this.Steps(Options() with { TailShare = 1 }, 1, Steps).Sum(batch => batch.Rows.Length);
        Assert.InRange(masked / (Steps * Batch * Length), 0.48, 0.52);

        double ShareOfTails(double share) => this.Steps(Options() with { TailShare = share }, 1, Steps)
            .SelectMany(batch => batch.Rows.GroupBy(row => row / Length))
            .Average(sequence => sequence.Min() % Length == Length - sequence.Count() ? 1.0 : 0.0);
    }

    [Fact]
    public void Draw_CausalShare_AsksForEveryNextTokenInThatShareOfPasses()
    {
        TrainingOptions shifted = Options() with
        {
            Model = runs.Options("nowhere", runs.Config with { MaxSequenceLength = Length, ShiftLogits = true }).Model,
        };
        Assert.All(Steps(shifted, 1, 4), batch => Assert.Null(batch.Attention));
        foreach (TrainingBatch batch in Steps(shifted with { CausalShare = 1 }, 1, 4))
        {
            Assert.Equal(AttentionKind.Causal, batch.Attention);
            Assert.DoesNotContain(Mask, batch.Ids);
            Assert.Equal(Enumerable.Range(0, batch.Ids.Length).Where(i => i % Length != 0), batch.Rows);
            Assert.Equal(batch.Rows.Select(row => batch.Ids[row]), batch.Targets);
            Assert.All(batch.Scales, scale => Assert.Equal(1f / (Batch * Length), scale));
        }

        double half = Steps(shifted with { CausalShare = 0.5 }, 1, 60).Average(batch => batch.Attention is null ? 0.0 : 1.0);
        Assert.InRange(half, 0.4, 0.6);
    }

    [Fact]
    public void Draw_CausalShareOfHoles_PutsAHoleBehindItsSurroundings()
    {
        TrainingOptions shifted = Options() with
        {
            Model = runs.Options("nowhere", runs.Config with { MaxSequenceLength = Length, ShiftLogits = true }).Model,
            InfillShare = 1,
        };
        foreach (TrainingBatch batch in Steps(shifted with { CausalShare = 1 }, 1, 4))
        {
            // Laid out for a reader from left to right: "the suffix follows", "the prefix follows"; and every token is asked for.
            for (int start = 0; start < batch.Ids.Length; start += Length)
            {
                int[] sequence = batch.Ids[start..(start + Length)];
                Assert.True(Array.IndexOf(sequence, Mask) is >= 0 and int suffix
                    && suffix < Array.IndexOf(sequence, runs.Config.PadTokenId));
            }

            Assert.Equal(Enumerable.Range(0, batch.Ids.Length).Where(i => i % Length != 0), batch.Rows);
        }

        // The other passes keep their holes: not every token is asked for.
        TrainingBatch[] mixed = [.. Steps(shifted with { CausalShare = 0.5 }, 1, 8).Where(batch => batch.Attention is null)];
        Assert.NotEmpty(mixed);
        Assert.All(mixed, batch => Assert.True(batch.Rows.Length < batch.Ids.Length));
    }

    private TrainingOptions Options() => runs.Options("nowhere", runs.Config with { MaxSequenceLength = Length }) with
    {
        BatchSize = Batch, MicroBatchSize = 4, SequenceLength = Length, InfillShare = 0, ContinuationShare = 0, RandomLengthShare = 0,
    };

    // Ordinary tokens in a random order, so that a few of them tell where a window begins.
    private ushort[] Text()
    {
        DeterministicRandom random = new(5);
        int[] ordinary = [.. Enumerable.Range(0, runs.Config.VocabularySize).Where(id => !runs.Tokenizer.IsSpecial(id))];
        return [.. Enumerable.Range(0, Tokens).Select(_ => (ushort)ordinary[random.NextInt(ordinary.Length)])];
    }

    private MaskedDiffusionObjective Objective(TrainingOptions options) =>
        new(
            new HoleWindows(
                TokenDataset.FromTokens(Text(), runs.Config.VocabularySize), options, new HoleShapes(runs.Tokenizer, closesHoles: false)),
            options);

    private IEnumerable<TrainingBatch> Steps(TrainingOptions options, int first, int last)
    {
        MaskedDiffusionObjective objective = Objective(options);
        return Enumerable.Range(first, last - first + 1).SelectMany(objective.Draw);
    }

    private static int[] Clean(TrainingBatch batch)
    {
        int[] clean = [.. batch.Ids];
        foreach ((int row, int target) in batch.Rows.Zip(batch.Targets))
        {
            clean[row] = target;
        }

        return clean;
    }

    private static bool IsWindow(ushort[] text, int[] tokens) =>
        text.AsSpan().IndexOf(Array.ConvertAll(tokens, id => (ushort)id)) >= 0;

    // Masking probability and number of masked tokens of each sequence that has any.
    private static IEnumerable<(double P, int Rows)> Sequences(TrainingBatch batch)
    {
        foreach (IGrouping<int, (int Row, float Scale)> sequence in batch.Rows.Zip(batch.Scales).GroupBy(row => row.First / Length))
        {
            Assert.Single(sequence.Select(row => row.Scale).Distinct());
            yield return (1 / ((double)sequence.First().Scale * Batch * Length), sequence.Count());
        }
    }

    private static double TimeOf(double p, TrainingOptions options) => (p - options.NoiseEpsilon) / (1 - options.NoiseEpsilon);

    // Times t_0 < t_1 < …, 1/n apart; those of sequences without a masked token are missing at the low end.
    private static void AssertSpread(double[] times, int n)
    {
        Array.Sort(times);
        Assert.InRange(times.Length, n - 2, n);
        Assert.InRange(times[^1], 1 - (1.0 / n), 1);
        for (int i = 1; i < times.Length; i++)
        {
            double steps = (times[i] - times[i - 1]) * n;
            Assert.Equal(Math.Round(steps), steps, 1e-4);
            Assert.InRange(Math.Round(steps), 1, i == 1 ? 2 : 1);
        }
    }
}
