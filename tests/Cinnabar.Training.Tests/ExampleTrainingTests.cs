using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests;

/// <summary>Corpora of examples, and runs on them.</summary>
public sealed class ExampleTrainingTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("cinnabar-examples-").FullName;

    private string Corpus => Path.Combine(_root, "corpus");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Build_Examples_StoresPartsWithWhatIsWanted()
    {
        CorpusManifest manifest = Build(Sums);
        Assert.Equal(260, manifest.VocabularySize);
        Assert.Equal([0, 90, 10], manifest.Splits.Values.Select(split => split.Documents)); // test, train, validation
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(Corpus, CorpusFiles.Tokenizer));
        TokenDataset data = TokenDataset.Open(Corpus, "train");
        Assert.True(data.HasQuestions);
        int[] ids = data.Document(12);
        bool[] wanted = data.Wanted(12);
        Assert.Equal("1+3=4", tokenizer.Decode(ids));
        Assert.Equal((tokenizer.BeginOfTextTokenId, tokenizer.EndOfTextTokenId), (ids[0], ids[^1]));
        Assert.Equal([false, false, false, false, false, true, true], wanted);
    }

    // The tokenizer puts a space in front of a text: only the first part is one.
    [Fact]
    public void Build_PartsBehindTheFirst_GoOnWithIt()
    {
        string file = Path.Combine(_root, "llama.json");
        File.WriteAllBytes(file, LlamaModelFolder.TokenizerJson);
        ExamplePart[] parts = [new("The cat", IsWanted: false), new(" sat", IsWanted: true), new(")", IsWanted: false)];
        ExampleCorpusOptions options = new() { Name = "cats", TokenizerPath = file };
        ExampleCorpus.Build(Corpus, options, _ => [new ExampleDocument(parts, EndsText: false)]);
        Tokenizer tokenizer = Tokenizer.Load(file);
        int[] expected = [tokenizer.BeginOfTextTokenId, .. tokenizer.Encode("The cat sat)")];
        Assert.Equal(expected, TokenDataset.Open(Corpus, "train").Document(0));
    }

    [Fact]
    public void Build_ExamplesLongerThanTheLimit_LeavesThemOutAndCounts()
    {
        CorpusManifest manifest = Build(Sums, maxTokens: 7);
        Assert.Equal(100, manifest.Splits.Values.Sum(split => split.Documents) + manifest.Dropped["too long"].Files);
        Assert.Equal(45, manifest.Dropped["too long"].Files); // sums of 10 and more
        CinnabarException error = Assert.Throws<CinnabarException>(() => Build(Sums, maxTokens: 3));
        Assert.Contains("longer than 3 tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Draw_AnEpoch_ShowsEveryExampleOnceInPassesThatFit()
    {
        Build(Sums);
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(Corpus, CorpusFiles.Tokenizer));
        TrainingOptions options = Options(AttentionKind.Causal) with { AnswerPadding = 0 };
        TrainingObjective objective = TrainingObjective.Create(options, TokenDataset.Open(Corpus, "train"), tokenizer);
        List<string> shown = [];
        for (int step = 1; step <= 90 / options.BatchSize; step++)
        {
            foreach (TrainingBatch batch in objective.Draw(step))
            {
                int length = batch.Ids.Length / batch.Batch;
                Assert.True(batch.Ids.Length <= options.MicroBatchSize * options.SequenceLength);
                for (int b = 0; b < batch.Batch; b++)
                {
                    shown.Add(tokenizer.Decode(batch.Ids.AsSpan(b * length, batch.ValidLengths[b])));
                }

                Assert.All(batch.Rows, row => Assert.True(row % length >= 5, "A known token is a row of the loss."));
            }
        }

        Assert.Equal(90, shown.Distinct().Count());
        Assert.Equal(90, shown.Count);
    }

    [Fact]
    public void Draw_MaskedDiffusion_PadsAnswersAndMasksNothingElse()
    {
        Build(Sums);
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(Corpus, CorpusFiles.Tokenizer));
        TrainingOptions options = Options(AttentionKind.Full) with { AnswerPadding = 4 };
        TrainingObjective objective = TrainingObjective.Create(options, TokenDataset.Open(Corpus, "train"), tokenizer);
        HashSet<int> lengths = [];
        foreach (TrainingBatch batch in Enumerable.Range(1, 20).SelectMany(objective.Draw))
        {
            int length = batch.Ids.Length / batch.Batch;
            lengths.UnionWith(batch.ValidLengths);
            Assert.All(batch.Rows, row => Assert.InRange(row % length, 5, batch.ValidLengths[row / length] - 1));
            Assert.Equal(batch.Rows, Enumerable.Range(0, batch.Ids.Length).Where(i => batch.Ids[i] == tokenizer.MaskTokenId));
        }

        Assert.Equal([7, 8, 9, 10, 11, 12], lengths.Order());
    }

    [Fact]
    public void Draw_WantedTextBeforeKnown_IsPaddedBeforeIt()
    {
        Build(split => split == "train"
            ? [new ExampleDocument([new("ab", IsWanted: true), new("-", IsWanted: false), new("cd", IsWanted: true)], EndsText: true)]
            : []);
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(Corpus, CorpusFiles.Tokenizer));
        TrainingOptions options = Options(AttentionKind.Full) with { AnswerPadding = 3, NoiseEpsilon = 1, MaxMaskRate = 1 };
        TrainingObjective objective = TrainingObjective.Create(options, TokenDataset.Open(Corpus, "train"), tokenizer);
        HashSet<(int, int)> paddings = [];
        foreach (TrainingBatch batch in Enumerable.Range(1, 20).SelectMany(objective.Draw))
        {
            int length = batch.Ids.Length / batch.Batch;
            foreach (IGrouping<int, (int Row, int Target)> rows in batch.Rows.Zip(batch.Targets).GroupBy(row => row.First / length))
            {
                int[] targets = [.. rows.Select(row => row.Target)];
                int pads = targets.Count(id => id == tokenizer.PaddingTokenId);
                int ends = targets.Count(id => id == tokenizer.EndOfTextTokenId);
                Assert.Equal(
                    [.. tokenizer.Encode("ab"), .. Enumerable.Repeat(tokenizer.PaddingTokenId, pads), .. tokenizer.Encode("cd"),
                        .. Enumerable.Repeat(tokenizer.EndOfTextTokenId, ends)],
                    targets);
                paddings.Add((pads, ends));
            }
        }

        Assert.Equal(16, paddings.Count); // 0 … 3 paddings, 1 … 4 ends
    }

    [Fact]
    public void Draw_ExampleLongerThanASequence_Throws()
    {
        Build(Sums);
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(Corpus, CorpusFiles.Tokenizer));
        TrainingOptions options = Options(AttentionKind.Full) with { SequenceLength = 7 };
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => TrainingObjective.Create(options, TokenDataset.Open(Corpus, "train"), tokenizer));
        Assert.Contains("longer than sequence_length 7", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_NoExamples_SaysSo()
    {
        Build(Sums);
        TokenDataset none = TokenDataset.Open(Corpus, "test");
        CinnabarException error = Assert.Throws<CinnabarException>(() => new Examples(none, Options(AttentionKind.Full)));
        Assert.Contains("expected examples to train on, found none", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_KeyOfPlainText_IsRefused()
    {
        Build(Sums);
        TrainingOptions options = Options(AttentionKind.Full) with { Output = Path.Combine(_root, "refused") };
        foreach ((string key, TrainingOptions wrong) in ((string, TrainingOptions)[])
            [("infill_share", options with { InfillShare = 0.5 }), ("continuation_share", options with { ContinuationShare = 0.5 })])
        {
            string message = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(wrong)).Message;
            Assert.Contains($"\"{key}\" should be left out for a corpus of examples", message, StringComparison.Ordinal);
        }

        Assert.False(Directory.Exists(options.Output));
    }

    [Theory]
    [InlineData(AttentionKind.Full)]
    [InlineData(AttentionKind.BlockCausal)]
    [InlineData(AttentionKind.Causal)]
    public void Train_Sums_LearnsAnswers(AttentionKind kind)
    {
        Build(Sums);
        List<TrainingProgress> steps = TrainingRuns.Train(Options(kind) with { Output = Path.Combine(_root, "run"), Steps = 60 });
        double[] heldOut = [.. steps.Where(step => step.HeldOutBitsPerByte is not null).Select(step => step.HeldOutBitsPerByte!.Value)];
        Assert.True(heldOut[^1] < 0.85 * heldOut[0], $"Held-out bits per byte: {string.Join(", ", heldOut)}.");
    }

    private static IEnumerable<ExampleDocument> Sums(string split) =>
        from a in Enumerable.Range(0, 10)
        from b in Enumerable.Range(0, 10)
        where split == (b == 9 ? "validation" : "train")
        select new ExampleDocument([new($"{a}+{b}=", IsWanted: false), new($"{a + b}", IsWanted: true)], EndsText: true);

    private CorpusManifest Build(Func<string, IEnumerable<ExampleDocument>> examples, int maxTokens = 512) =>
        ExampleCorpus.Build(Corpus, new ExampleCorpusOptions { Name = "sums", MaxTokens = maxTokens }, examples);

    private TrainingOptions Options(AttentionKind kind) => new()
    {
        Corpus = Corpus,
        Output = "nowhere",
        Objective = kind switch
        {
            AttentionKind.Causal => TrainingObjective.Autoregressive,
            AttentionKind.BlockCausal => TrainingObjective.BlockDiffusion,
            _ => TrainingObjective.MaskedDiffusion,
        },
        Model = JsonDocument.Parse(new ModelConfig
        {
            HiddenSize = 32,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 2,
            IntermediateSize = 64,
            VocabularySize = 260,
            EmbeddingSize = 260,
            MaxSequenceLength = 16,
            WeightTying = true,
            MaskTokenId = 0,
            EosTokenId = 1,
            PadTokenId = 2,
            BosTokenId = 3,
            AttentionKind = kind,
            AttentionBlockSize = 4,
            ShiftLogits = kind == AttentionKind.Causal,
            LearnedPositions = kind == AttentionKind.Full,
        }.ToJson()).RootElement,
        BatchSize = 15,
        MicroBatchSize = 5,
        SequenceLength = 16,
        LearningRate = 1e-2,
        WarmupSteps = 5,
        EvaluateEvery = 20,
        EmaDecay = 0.8,
    };
}
