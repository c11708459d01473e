using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests.Objectives;

public sealed class BlockDiffusionObjectiveTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    private const int Batch = 8;
    private const int Length = 30;
    private const int Block = 4;

    [Fact]
    public void Draw_AnyStep_LaysTheSequenceOutTwiceAndMasksTheSecond()
    {
        foreach (TrainingBatch batch in Steps(Options()))
        {
            Assert.True(batch.HasNoisyHalf);
            Assert.Equal(batch.Batch * 2 * Length, batch.Ids.Length);
            Assert.All(batch.ValidLengths, valid => Assert.Equal(Length, valid));
            int[] masked = [.. Enumerable.Range(0, batch.Ids.Length).Where(i => batch.Ids[i] == runs.Config.MaskTokenId)];
            Assert.Equal(batch.Rows, masked);
            Assert.All(batch.Rows, row => Assert.True(row % (2 * Length) >= Length, "A clean token was masked."));
            Assert.Equal(batch.Rows.Select(row => batch.Ids[row - Length]), batch.Targets);
            for (int i = 0; i < batch.Ids.Length; i++)
            {
                bool isClean = i % (2 * Length) < Length;
                Assert.True(isClean || masked.Contains(i) || batch.Ids[i] == batch.Ids[i - Length]);
            }
        }
    }

    [Fact]
    public void Draw_Blocks_HaveTimesOfTheirOwn()
    {
        int different = 0;
        foreach (TrainingBatch batch in Steps(Options()))
        {
            foreach (IGrouping<int, (int Row, float Scale)> sequence in batch.Rows.Zip(batch.Scales).GroupBy(r => r.First / (2 * Length)))
            {
                IEnumerable<IGrouping<int, float>> blocks = sequence.GroupBy(r => r.Row % Length / Block, r => r.Scale);
                Assert.All(blocks, block => Assert.Single(block.Distinct()));
                different += blocks.Select(block => block.First()).Distinct().Count() > 3 ? 1 : 0;
            }
        }

        Assert.True(different > 100);
    }

    [Fact]
    public void Draw_BlocksOfOneAlwaysMasked_IsTheAutoregressiveLoss()
    {
        ModelConfig config = Blocks(size: 1, Length);
        foreach (TrainingBatch batch in Steps(Options(config) with { NoiseEpsilon = 1, MaxMaskRate = 1 }))
        {
            Assert.Equal(batch.Batch * Length, batch.Rows.Length);
            Assert.All(batch.Scales, scale => Assert.Equal(1.0 / (Batch * Length), scale, 1e-9));
        }
    }

    [Theory]
    [InlineData(AttentionKind.Full, false, "attention_kind")]
    [InlineData(AttentionKind.BlockCausal, true, "shift_logits")]
    public void Validate_AnotherNetwork_NamesTheKey(AttentionKind kind, bool shift, string key)
    {
        TrainingOptions options = Options(runs.Config with { AttentionKind = kind, ShiftLogits = shift, MaxSequenceLength = Length });
        Assert.Contains(key, Assert.Throws<CinnabarException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_ToyCorpus_LearnsAndMeasuresTheBound()
    {
        ModelConfig config = Blocks(Block, runs.Config.MaxSequenceLength);
        TrainingOptions options = runs.Options(runs.NewFolder(), config) with
        {
            Objective = TrainingObjective.BlockDiffusion,
            Steps = 40,
            EvaluateEvery = 1,
            EvaluationWindows = 8,
            FocalGamma = 1,
            EmaDecay = 0.8,
        };
        List<TrainingProgress> steps = TrainingRuns.Train(options);
        double[] heldOut = [.. steps.Where(step => step.HeldOutBitsPerByte is not null).Select(step => step.HeldOutBitsPerByte!.Value)];
        Assert.Equal(40, heldOut.Length);
        Assert.True(heldOut[^1] < 0.85 * heldOut[0], $"Held-out bits per byte: {string.Join(", ", heldOut)}.");
        Assert.All(steps, step => Assert.True(step.Tokens == (long)step.Step * options.BatchSize * options.SequenceLength));
    }

    private ModelConfig Blocks(int size, int length) => runs.Config with
    {
        AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = size, MaxSequenceLength = length,
    };

    private TrainingOptions Options(ModelConfig? config = null) => runs.Options("nowhere", config ?? Blocks(Block, Length)) with
    {
        Objective = TrainingObjective.BlockDiffusion,
        BatchSize = Batch,
        MicroBatchSize = 4,
        SequenceLength = Length,
        InfillShare = 0,
        ContinuationShare = 0,
        RandomLengthShare = 0,
    };

    private IEnumerable<TrainingBatch> Steps(TrainingOptions options)
    {
        DeterministicRandom random = new(5);
        ushort[] text = [.. Enumerable.Range(0, 3000).Select(_ => (ushort)(4 + random.NextInt(runs.Config.VocabularySize - 4)))];
        TokenDataset data = TokenDataset.FromTokens(text, runs.Config.VocabularySize);
        TrainingObjective objective = TrainingObjective.Create(options, data, runs.Tokenizer);
        return Enumerable.Range(1, 20).SelectMany(objective.Draw);
    }
}
