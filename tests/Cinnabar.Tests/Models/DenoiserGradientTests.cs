// Gradients of the whole loss (embedding → blocks → head → cross-entropy) against central differences, for entries of every tensor.
//
// Weights and activations are F32, so the step is large and the difference is extrapolated to a step of zero (Richardson):
//   g ≈ (4·D(h) − D(2h)) / 3,   D(h) = (f(w + h) − f(w − h)) / 2h
// The differences run through the inference tape, so its result is checked along.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Tests.Models;

public sealed class DenoiserGradientTests
{
    private const float H = 1f / 64;
    private const int Batch = 2;
    private const int Length = 8;

    private static readonly KernelTable s_kernels = KernelTable.Create(threads: 1, KernelForm.Reference);

    [Theory]
    [InlineData(AttentionKind.Full, false, 4, true, false, 1)]
    [InlineData(AttentionKind.Full, false, 2, false, true, 1)]
    [InlineData(AttentionKind.Full, true, 4, false, false, 1)]
    [InlineData(AttentionKind.BlockCausal, false, 4, false, true, 1)]
    [InlineData(AttentionKind.BlockCausal, false, 1, true, false, 1)]
    [InlineData(AttentionKind.Causal, true, 2, true, true, 1)]
    [InlineData(AttentionKind.Causal, false, 4, false, false, 1)]
    [InlineData(AttentionKind.Full, false, 2, true, true, 2)]
    [InlineData(AttentionKind.Causal, true, 4, false, false, 2)]
    [InlineData(AttentionKind.Full, false, 4, false, true, 1, true)]
    [InlineData(AttentionKind.BlockCausal, false, 2, true, true, 1, false, true)]
    [InlineData(AttentionKind.BlockCausal, false, 4, false, false, 1, true, true)]
    public void Backward_WholeLoss_AgreesWithCentralDifferences(
        AttentionKind kind,
        bool shift,
        int keyValueHeads,
        bool tied,
        bool padded,
        int passes,
        bool learnedPositions = false,
        bool hasNoisyHalf = false)
    {
        ModelConfig config = TinyNetwork.Config with
        {
            AttentionKind = kind,
            AttentionBlockSize = 3,
            ShiftLogits = shift,
            NumKeyValueHeads = keyValueHeads,
            WeightTying = tied,
            LearnedPositions = learnedPositions,
        };
        TransformerDenoiser network = new(config, TinyNetwork.Weights(config), s_kernels);
        Sequences[] batches = [.. Enumerable.Range(0, passes).Select(pass => new Sequences(pass, padded, hasNoisyHalf))];
        Tape recording = new(s_kernels, recording: true, MatMulPrecision.F32);
        foreach (Sequences batch in batches)
        {
            Variable logits = network.Forward(recording, batch.Ids, Batch, batch.Rows, batch.ValidLengths, hasNoisyHalf);
            recording.CrossEntropy(logits, batch.Targets, batch.Scales);
            recording.Backward();
        }

        Tape inference = new(s_kernels, recording: false, MatMulPrecision.F32);
        double Loss() => batches.Sum(batch => LossOf(network, inference, batch));
        foreach (Parameter parameter in network.Parameters)
        {
            float[] gradient = parameter.Gradient!.Floats.ToArray();
            float largest = gradient.Max(Math.Abs);
            Assert.True(largest > 1e-3, $"{parameter.Name}: the gradient vanishes, so the comparison says nothing.");
            foreach (int entry in EntriesOf(gradient))
            {
                double expected = ((4 * Difference(parameter, entry, H, Loss)) - Difference(parameter, entry, 2 * H, Loss)) / 3;
                Assert.True(
                    Math.Abs(expected - gradient[entry]) <= 2e-4 + (5e-3 * Math.Abs(expected)),
                    $"{parameter.Name}[{entry}]: gradient {gradient[entry]}, central difference {expected}, largest {largest}.");
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Forward_NoisyHalf_PredictsABlockAsIfItStoodBehindTheCleanOnes(int blockSize)
    {
        ModelConfig config = TinyNetwork.Config with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = blockSize };
        TransformerDenoiser network = new(config, TinyNetwork.Weights(config), s_kernels, MatMulPrecision.F32);
        int[] clean = [4, 9, 14, 7, 12, 5, 8];
        int[] noisy = [4, 1, 1, 1, 12, 1, 1];
        int[] rows = [.. Enumerable.Range(0, noisy.Length).Where(i => noisy[i] == 1)];
        Tape tape = new(s_kernels, recording: false, MatMulPrecision.F32);
        Tensor together = network.Forward(
            tape, [.. clean, .. noisy], 1, [.. rows.Select(row => clean.Length + row)], [clean.Length], hasNoisyHalf: true).Value;
        for (int i = 0; i < rows.Length; i++)
        {
            int first = rows[i] / blockSize * blockSize;
            int end = Math.Min(first + blockSize, clean.Length);
            Tensor alone = network.Logits([.. clean[..first], .. noisy[first..end]], [rows[i]]);
            for (int v = 0; v < config.VocabularySize; v++)
            {
                Assert.Equal(alone.Floats[v], together.Row(i)[v], 1e-4f);
            }
        }
    }

    [Theory]
    [InlineData(AttentionKind.Full)]
    [InlineData(AttentionKind.BlockCausal)]
    [InlineData(AttentionKind.Causal)]
    public void Forward_OtherPaddingTokens_SameLogitsOfValidRows(AttentionKind kind)
    {
        ModelConfig config = TinyNetwork.Config with { AttentionKind = kind, AttentionBlockSize = 3 };
        TransformerDenoiser network = new(config, TinyNetwork.Weights(config), s_kernels);
        Tape tape = new(s_kernels, recording: false, MatMulPrecision.F32);
        Sequences batch = new(0, padded: true);
        float[] before = network.Forward(tape, batch.Ids, Batch, batch.Rows, batch.ValidLengths).Value.Floats.ToArray();
        tape.Reset();
        int[] other = [.. batch.Ids];
        other.AsSpan(batch.ValidLengths![0], Length - batch.ValidLengths[0]).Fill(17);
        Assert.Equal(before, network.Forward(tape, other, Batch, batch.Rows, batch.ValidLengths).Value.Floats.ToArray());
    }

    [Fact]
    public void Forward_CausalAndShifted_SeesOnlyEarlierTokens()
    {
        ModelConfig config = TinyNetwork.Config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true };
        TransformerDenoiser network = new(config, TinyNetwork.Weights(config), s_kernels, MatMulPrecision.F32);
        int[] ids = [4, 5, 6, 7, 8, 9];
        float[] before = network.Logits(ids, [3]).Floats.ToArray();
        Assert.Equal(before, network.Logits([4, 5, 6, 20, 21, 22], [3]).Floats.ToArray());
        Assert.NotEqual(before, network.Logits([4, 5, 7, 7, 8, 9], [3]).Floats.ToArray());
    }

    [Fact]
    public void Forward_OtherAttention_IsThatOfANetworkConfiguredSo()
    {
        ModelConfig full = TinyNetwork.Config with { ShiftLogits = true };
        ModelConfig causal = full with { AttentionKind = AttentionKind.Causal };
        TransformerDenoiser both = new(full, TinyNetwork.Weights(full), s_kernels, MatMulPrecision.F32);
        TransformerDenoiser leftToRight = new(causal, TinyNetwork.Weights(causal), s_kernels, MatMulPrecision.F32);
        int[] ids = [4, 5, 6, 7, 8, 9];
        int[] rows = [1, 2, 5];
        float[] expected = LogitsOf(leftToRight, null);
        Assert.Equal(expected, LogitsOf(both, AttentionKind.Causal));
        Assert.NotEqual(expected, LogitsOf(both, null));

        float[] LogitsOf(TransformerDenoiser network, AttentionKind? attention)
        {
            Tape tape = new(s_kernels, recording: false, MatMulPrecision.F32);
            return network.Forward(tape, ids, 1, rows, attention: attention).Value.Floats.ToArray();
        }
    }

    private static double LossOf(TransformerDenoiser network, Tape tape, Sequences batch)
    {
        tape.Reset();
        Tensor logits = network.Forward(tape, batch.Ids, Batch, batch.Rows, batch.ValidLengths, batch.HasNoisyHalf).Value;
        double loss = 0;
        for (int r = 0; r < batch.Rows.Length; r++)
        {
            double[] row = Array.ConvertAll(logits.Row(r).ToArray(), z => (double)z);
            double max = row.Max();
            loss += batch.Scales[r] * (max + Math.Log(row.Sum(z => Math.Exp(z - max))) - row[batch.Targets[r]]);
        }

        return loss;
    }

    private static double Difference(Parameter parameter, int entry, float step, Func<double> loss)
    {
        ref float weight = ref parameter.Value.Floats[entry];
        float at = weight;
        weight = at + step;
        parameter.Changed();
        double above = loss();
        double distance = weight;
        weight = at - step;
        distance -= weight; // what the two rounded sums really are apart
        parameter.Changed();
        double below = loss();
        weight = at;
        parameter.Changed();
        return (above - below) / distance;
    }

    // The entry of the largest gradient, and two from anywhere, whose gradient may wrongly be zero.
    private static int[] EntriesOf(float[] gradient) =>
        [Enumerable.Range(0, gradient.Length).MaxBy(i => Math.Abs(gradient[i])), gradient.Length / 3, gradient.Length - 2];

    // Some masked tokens of two sequences and what they should be.
    private sealed class Sequences
    {
        public Sequences(int number, bool padded, bool hasNoisyHalf = false)
        {
            HasNoisyHalf = hasNoisyHalf;
            DeterministicRandom random = new((ulong)number + 7);
            Ids = [.. Enumerable.Range(0, Batch * Length).Select(_ => 4 + random.NextInt(TinyNetwork.Config.VocabularySize - 4))];
            (int shorter, int longer) = hasNoisyHalf ? (3, Length / 2) : (5, Length);
            ValidLengths = padded ? [shorter, longer] : null;
            Rows = hasNoisyHalf ? [4, 6, 12, 14, 15] : padded ? [0, 2, 4, 8, 11, 15] : [0, 3, 7, 8, 9, 14];
            Targets = [.. Rows.Select(row => Ids[row])];
            Scales = [.. Rows.Select((_, i) => 0.2f + (0.1f * i))];
            foreach (int row in Rows)
            {
                Ids[row] = TinyNetwork.Config.MaskTokenId;
            }
        }

        public bool HasNoisyHalf { get; }

        public int[] Ids { get; }

        public int[]? ValidLengths { get; }

        public int[] Rows { get; }

        public int[] Targets { get; }

        public float[] Scales { get; }
    }
}
