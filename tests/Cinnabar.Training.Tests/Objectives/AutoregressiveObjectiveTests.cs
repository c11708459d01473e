using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests.Objectives;

public sealed class AutoregressiveObjectiveTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    private const int Batch = 16;
    private const int Micro = 4;
    private const int Length = 160;
    private const int MinExample = 48;
    private const int Tokens = 5000;
    private const int Markers = 4;

    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public void Draw_AnyStep_EveryTargetIsTheTokenAfterWhatItIsPredictedFrom(double infillShare)
    {
        AutoregressiveObjective objective = Objective(Options(infillShare), Text());
        for (int step = 1; step <= 5; step++)
        {
            IReadOnlyList<TrainingBatch> batches = objective.Draw(step);
            Assert.Equal(Batch / Micro, batches.Count);
            foreach (TrainingBatch batch in batches)
            {
                Assert.Equal((Micro, Micro * Length), (batch.Batch, batch.Ids.Length));
                Assert.Equal(Enumerable.Repeat(Length, Micro), batch.ValidLengths);

                // The network answers row r from position r − 1, so the first position of a sequence is no row.
                Assert.Equal(Enumerable.Range(0, Micro * Length).Where(i => i % Length > 0), batch.Rows);
                Assert.Equal(batch.Rows.Select(row => batch.Ids[row]), batch.Targets);
                Assert.Equal(batch.Rows.Length, batch.Scales.Length);
                Assert.All(batch.Scales, scale => Assert.Equal(1.0 / (Batch * Length), scale, 1e-9));
            }

            double weight = batches.Sum(batch => batch.Scales.Sum(scale => (double)scale));
            Assert.Equal((Length - 1.0) / Length, weight, 1e-5);
        }
    }

    [Fact]
    public void Draw_NoInfill_ShowsWindowsOfTheText()
    {
        ushort[] text = Text();
        int[][] sequences = [.. Sequences(Options(infillShare: 0), text, steps: 10)];
        Assert.All(sequences, sequence => Assert.True(IsWindow(text, sequence), "A sequence is no window of the text."));
        Assert.True(sequences.Select(sequence => sequence[0]).Distinct().Count() > 50);
    }

    [Fact]
    public void Draw_OnlyInfill_LaysOutWindowsOfTheTextOneBehindTheOther()
    {
        ushort[] text = Text();
        List<int> suffixes = [];
        List<int> counts = [];
        foreach (int[] sequence in Sequences(Options(infillShare: 1), text, steps: 20))
        {
            (List<Example> examples, int[] rest) = Parts(sequence);
            FillInTheMiddle layout = new(runs.AutoregressiveConfig);
            int[] laidOut = [.. examples.SelectMany(part => layout.Sequence(part.PrefixAndMiddle, [], part.Suffix)), .. rest];
            Assert.Equal(sequence, laidOut);
            Assert.True(rest.Length < MinExample && IsWindow(text, rest), "What follows the examples is no short window of the text.");
            foreach (Example part in examples)
            {
                Assert.True(IsWindow(text, part.Window), "The parts do not make a window of the text.");
                Assert.InRange(part.Window.Length + Markers, MinExample, Length);
                Assert.NotEmpty(part.PrefixAndMiddle);
                suffixes.Add(part.Suffix.Length);
            }

            counts.Add(examples.Count);
        }

        Assert.True(suffixes.Distinct().Count() > 20);
        Assert.Equal([1, 2, 3], counts.Distinct().Order());
    }

    [Theory]
    [InlineData(null, 0.5)]
    [InlineData(0.2, 0.2)]
    public void Draw_InfillShare_IsThatOfTheSequencesLaidOut(double? share, double expected)
    {
        int[][] sequences = [.. Sequences(Options(share), Text(), steps: 60)];
        double found = sequences.Count(sequence => sequence.Contains(runs.Config.MaskTokenId)) / (double)sequences.Length;
        double error = Math.Sqrt(expected * (1 - expected) / sequences.Length);
        Assert.InRange((found - expected) / error, -4, 4);
    }

    [Fact]
    public void ChooseMiddle_DocumentsEndInTheWindow_NeverCrossesAnEnd()
    {
        // A short document after another: most middles would cross an end.
        int[] window = [.. Text().Take(Length).Select((id, i) => i % 12 == 0 ? runs.Config.EosTokenId : id)];
        MiddleWindows objective = Windows(Options(infillShare: 1), Text());
        DeterministicRandom random = new(3);
        List<int> lengths = [];
        for (int i = 0; i < 500; i++)
        {
            (int start, int end) = objective.ChooseMiddle(window, random);
            Assert.InRange(start, 1, end);
            Assert.DoesNotContain(runs.Config.EosTokenId, window[start..end]);
            lengths.Add(end - start);
        }

        Assert.Equal(11, lengths.Max());

        // Without ends they are up to 48 long.
        int[] whole = [.. Text().Take(Length)];
        (int Start, int End)[] middles = [.. Enumerable.Range(0, 500).Select(_ => objective.ChooseMiddle(whole, random))];
        Assert.InRange(middles.Max(middle => middle.End - middle.Start), 40, 48);
    }

    [Fact]
    public void Draw_SameStep_DependsOnSeedAndStepAlone()
    {
        AutoregressiveObjective first = Objective(Options(infillShare: null), Text());
        first.Draw(7);
        int[] three = IdsOf(first.Draw(3));
        Assert.Equal(three, IdsOf(Objective(Options(infillShare: null), Text()).Draw(3)));
        Assert.NotEqual(three, IdsOf(first.Draw(4)));
        Assert.NotEqual(three, IdsOf(Objective(Options(infillShare: null) with { Seed = 99 }, Text()).Draw(3)));
    }

    [Fact]
    public void Constructor_TextShorterThanASequence_Throws()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Objective(Options(infillShare: 0), Text()[..(Length - 1)]));
        Assert.Contains($"{Length - 1} training tokens", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(Objective(Options(infillShare: 0), Text()[..Length]).Draw(1));
    }

    [Fact]
    public void Create_ChoosesByName()
    {
        TokenDataset data = TokenDataset.FromTokens(Text(), runs.Config.VocabularySize);
        Assert.IsType<AutoregressiveObjective>(TrainingObjective.Create(Options(infillShare: 0), data, runs.Tokenizer));
        Assert.IsType<MaskedDiffusionObjective>(TrainingObjective.Create(runs.Options("nowhere"), data, runs.Tokenizer));
        TrainingOptions blocks = runs.Options("nowhere", runs.Config with { AttentionKind = AttentionKind.BlockCausal }) with
        {
            Objective = TrainingObjective.BlockDiffusion,
        };
        Assert.IsType<BlockDiffusionObjective>(TrainingObjective.Create(blocks, data, runs.Tokenizer));
    }

    private TrainingOptions Options(double? infillShare) =>
        runs.Options("nowhere", runs.AutoregressiveConfig with { MaxSequenceLength = Length }) with
        {
            BatchSize = Batch, MicroBatchSize = Micro, SequenceLength = Length, InfillShare = infillShare,
        };

    // Ordinary tokens in a random order, so that a few of them tell where a window begins.
    private ushort[] Text()
    {
        DeterministicRandom random = new(5);
        int[] ordinary = [.. Enumerable.Range(0, runs.Config.VocabularySize).Where(id => !runs.Tokenizer.IsSpecial(id))];
        return [.. Enumerable.Range(0, Tokens).Select(_ => (ushort)ordinary[random.NextInt(ordinary.Length)])];
    }

    private AutoregressiveObjective Objective(TrainingOptions options, ushort[] text) =>
        new(Windows(options, text), options);

    private MiddleWindows Windows(TrainingOptions options, ushort[] text) =>
        new(TokenDataset.FromTokens(text, runs.Config.VocabularySize), options, new HoleShapes(runs.Tokenizer, closesHoles: false));

    private IEnumerable<int[]> Sequences(TrainingOptions options, ushort[] text, int steps)
    {
        AutoregressiveObjective objective = Objective(options, text);
        return Enumerable.Range(1, steps).SelectMany(step => IdsOf(objective.Draw(step)).Chunk(Length));
    }

    private static int[] IdsOf(IReadOnlyList<TrainingBatch> batches) => [.. batches.SelectMany(batch => batch.Ids)];

    // Takes the layout apart by its markers, which do not occur in the text: a middle ends at the first end of text. Where the prefix
    // ends cannot be seen.
    private (List<Example> Examples, int[] Remainder) Parts(int[] sequence)
    {
        List<Example> examples = [];
        int[] rest = sequence;
        while (rest.Length > 0 && rest[0] == runs.AutoregressiveConfig.BosTokenId)
        {
            int text = Array.IndexOf(rest, runs.Config.PadTokenId);
            int end = Array.IndexOf(rest, runs.Config.EosTokenId, text);
            Assert.Equal(runs.Config.MaskTokenId, rest[1]);
            Assert.True(end > text && text > 0, "A middle does not end.");
            examples.Add(new Example(rest[(text + 1)..end], rest[2..text]));
            rest = rest[(end + 1)..];
        }

        return (examples, rest);
    }

    private static bool IsWindow(ushort[] text, int[] tokens) =>
        text.AsSpan().IndexOf(Array.ConvertAll(tokens, id => (ushort)id)) >= 0;

    private sealed record Example(int[] PrefixAndMiddle, int[] Suffix)
    {
        public int[] Window => [.. PrefixAndMiddle, .. Suffix];
    }
}
