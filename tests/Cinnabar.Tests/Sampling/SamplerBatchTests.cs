using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

/// <summary>A canvas becomes the same in every batch and every slot of it as alone, with the same confidences.</summary>
public sealed partial class SamplerBatchTests
{
    private const int Most = 8;
    private static readonly CanvasTokens s_tokens = new(0, 1, 2);

    private static readonly ModelConfig s_config = TinyNetwork.Config with
    {
        HiddenSize = 128, IntermediateSize = 200, MaxSequenceLength = 96, NumKeyValueHeads = 2,
    };

    // Each canvas has its own; the last four make passes of their own, so that one batch holds both kinds.
    private static readonly SamplerOptions[] s_options =
    [
        new() { Steps = 6, Temperature = 0.8, Seed = 11 },
        new() { Threshold = 0.05, EditThreshold = 0.05, Steps = 8 },
        new() { Threshold = 0.04, Stability = 1, Credit = true, Temperature = 1, Seed = 3 },
        new() { Steps = 8, Remasking = Remasking.Origin, Remdm = RemdmKind.Rescale, RemdmEta = 0.3, Temperature = 1 },
        new() { BlockSize = 10, Steps = 12, Cache = CacheKind.Dual, Temperature = 1, Seed = 5 },
        new() { Steps = 5, CfgScale = 1, Temperature = 1, Seed = 6 },
        new() { Threshold = 0.04, VerifyThreshold = 0.05, Temperature = 1, Seed = 4 },
        new() { Steps = 4, Cache = CacheKind.Active, Temperature = 1, Seed = 7 },
    ];

    [Theory]
    [InlineData(KernelForm.Jit, DType.F32, 1)]
    [InlineData(KernelForm.Jit, DType.BF16, 2)]
    [InlineData(KernelForm.Jit, DType.Int8, 1)]
    [InlineData(KernelForm.Jit, DType.Int8, 2)]
    [InlineData(KernelForm.Vector, DType.F32, 2)]
    [InlineData(KernelForm.Reference, DType.F32, 1)]
    public void Run_AnyBatchAndSlot_GivesWhatEachCanvasBecomesAlone(KernelForm form, DType type, int threads)
    {
        // The definition is slow.
        ModelConfig config = form == KernelForm.Reference ? TinyNetwork.Config with { MaxSequenceLength = 96 } : s_config;
        KernelTable kernels = KernelTable.Create(threads, form);
        Sampler sampler = new(Network(config, type, kernels), kernels.Workers);
        DenoisingStep[][] alone = [.. Enumerable.Range(0, Most).Select(i => sampler.Steps(CanvasOf(i), OptionsOf(i)).ToArray())];
        for (int size = 1; size <= Most; size++)
        {
            // Canvas i stands in another slot of each batch, beside others.
            int[] members = [.. Enumerable.Range(0, size).Select(slot => (slot + (3 * size)) % Most)];
            List<DenoisingStep>[] together = [.. members.Select(_ => new List<DenoisingStep>())];
            Canvas[] canvases = [.. members.Select(CanvasOf)];
            SamplerOptions[] options = [.. members.Select(OptionsOf)];
            int[] passes = sampler.Run(canvases, options, observer: (slot, step) => together[slot].Add(step));
            for (int slot = 0; slot < size; slot++)
            {
                DenoisingStep[] expected = alone[members[slot]];
                AssertSame(expected, together[slot]);
                Assert.Equal(expected[^1].ForwardPasses, passes[slot]);
                Assert.Equal(expected[^1].Canvas.Ids.ToArray(), canvases[slot].Ids.ToArray());
            }

            Canvas[] unobserved = [.. members.Select(CanvasOf)];
            sampler.Run(unobserved, options);
            Assert.Equal(canvases.Select(canvas => canvas.Ids.ToArray()), unobserved.Select(canvas => canvas.Ids.ToArray()));
        }

        kernels.Workers.Dispose();
    }

    [Theory]
    [InlineData(AttentionKind.Full, false, 40)]
    [InlineData(AttentionKind.Full, true, 40)]
    [InlineData(AttentionKind.Causal, true, 57)]
    [InlineData(AttentionKind.BlockCausal, false, 57)]
    public void LogitsOfBatch_SequencesOfDifferentLengths_AreThoseOfEachAlone(AttentionKind kind, bool shift, int embeddings)
    {
        ModelConfig config = s_config with
        {
            AttentionKind = kind, AttentionBlockSize = 4, ShiftLogits = shift, EmbeddingSize = embeddings,
        };
        KernelTable kernels = KernelTable.Create(threads: 1);
        TransformerDenoiser network = Network(config, DType.BF16, kernels);
        int[][] sequences = [[.. Enumerable.Range(3, 20)], [5], [.. Enumerable.Range(0, 37)], [9, 8, 7]];
        int[][] rows = [[0, 1, 19], [0], [0, 3, 4, 36], []];
        float[][] alone = [.. sequences.Select((ids, i) => network.Logits(ids, rows[i]).Floats.ToArray())];
        network.BeginBatch();
        for (int i = 0; i < sequences.Length; i++)
        {
            network.AddToBatch(sequences[i], rows[i]);
        }

        Tensor together = network.LogitsOfBatch();
        Assert.Equal([8, config.VocabularySize], together.Shape.ToArray());
        Assert.Equal(alone.SelectMany(logits => logits), together.Floats.ToArray());
    }

    [Theory]
    [InlineData(AttentionKind.Full, false)]
    [InlineData(AttentionKind.Causal, true)]
    [InlineData(AttentionKind.BlockCausal, false)]
    public void LogitsOfBatch_SomeWithCaches_AreThoseOfEachAlone(AttentionKind kind, bool shift)
    {
        ModelConfig config = s_config with { AttentionKind = kind, AttentionBlockSize = 4, ShiftLogits = shift };
        TransformerDenoiser network = Network(config, DType.BF16, KernelTable.Create(threads: 1));
        int[][] sequences = [[.. Enumerable.Range(3, 20)], [5, 6], [.. Enumerable.Range(0, 37)]];
        int[][] rows = [[1, 19], [0], [3, 4, 36]];
        int[][] positions = [[2, 7, 8], [], [0, 35]];
        KeyValueCache?[] alone = [network.CreateCache(20), null, network.CreateCache(37)];
        KeyValueCache?[] shared = [network.CreateCache(20), null, network.CreateCache(37)];
        List<float> expected = [];
        foreach (KeyValueCache?[] caches in (KeyValueCache?[][])[alone, shared])
        {
            network.Logits(sequences[0], [], caches[0]!, [.. Enumerable.Range(0, 20)]);
            network.Logits(sequences[2], [], caches[2]!, [.. Enumerable.Range(0, 37)]);
        }

        sequences[0][7] = 11; // what is computed now differs from what the cache holds
        for (int pass = 0; pass < 2; pass++)
        {
            expected.Clear();
            network.BeginBatch();
            for (int i = 0; i < sequences.Length; i++)
            {
                Tensor own = alone[i] is KeyValueCache cache
                    ? network.Logits(sequences[i], rows[i], cache, positions[i])
                    : network.Logits(sequences[i], rows[i]);
                expected.AddRange(own.Floats);
                if (shared[i] is KeyValueCache other)
                {
                    network.AddToBatch(sequences[i], rows[i], other, positions[i]);
                }
                else
                {
                    network.AddToBatch(sequences[i], rows[i]);
                }
            }

            Assert.Equal(expected, network.LogitsOfBatch().Floats.ToArray());
        }
    }

    [Fact]
    public void Run_OneSamplerAfterOtherCanvases_GivesWhatAFreshOneGives()
    {
        // Policies, lists and caches of ended runs are used again, whatever length their canvas had.
        TransformerDenoiser network = Network(s_config, DType.BF16, KernelTable.Create(threads: 1));
        Sampler used = new(network);
        for (int i = 0; i < Most; i++)
        {
            foreach (Canvas before in (Canvas[])[CanvasOf((i + 3) % Most), CanvasOf(i)])
            {
                used.Run(before, OptionsOf(i));
            }

            AssertSame([.. new Sampler(network).Steps(CanvasOf(i), OptionsOf(i))], [.. used.Steps(CanvasOf(i), OptionsOf(i))]);
        }
    }

    [Fact]
    public void Run_CanvasesOfTheSameSteps_ShareEveryPass()
    {
        CountingDenoiser network = new(Network(s_config, DType.F32, KernelTable.Create(threads: 1)));
        CanvasTokens endless = new(0, 1, null); // no hole ends early
        Canvas[] canvases = [.. Enumerable.Range(0, 3).Select(i => CanvasOf(i, endless))];
        int[] passes = new Sampler(network).Run(canvases, [new() { Steps = 2 }, new() { Steps = 5 }, new() { Steps = 4 }]);
        Assert.Equal([2, 5, 4], passes);
        Assert.Equal([3, 3, 2, 2, 1], network.Batches);
        Assert.All(canvases, canvas => Assert.Equal(0, canvas.NoisyCount));
    }

    [Fact]
    public void Run_NetworkWithoutBatches_AnswersAll()
    {
        TableDenoiser network = new(12, 0, (ids, position, token) => token == 4 + (position % 3) ? 5 : 0);
        Canvas[] canvases = [Canvas.ForContinuation([5], 4, s_tokens), Canvas.ForContinuation([], 2, s_tokens)];
        Assert.Equal([2, 2], new Sampler(network).Run(canvases, [new() { Steps = 2 }, new() { Steps = 2 }]));
        Assert.Equal([5, 5, 6, 4, 5], canvases[0].Ids.ToArray());
        Assert.Equal([4, 5], canvases[1].Ids.ToArray());
    }

    [Fact]
    public void Run_NothingOrNothingNoisy_TakesNoPass()
    {
        Sampler sampler = new(new TableDenoiser(12, 0, (_, _, _) => throw new InvalidOperationException("asked")));
        Assert.Empty(sampler.Run([], []));
        Assert.Equal([0], sampler.Run([new Canvas([CanvasSegment.Text([3])], s_tokens)], [new()]));
    }

    [Fact]
    public void Run_WrongArguments_AreRefusedBeforeAnyPass()
    {
        TableDenoiser network = new(12, 0, (_, _, _) => 0);
        Sampler sampler = new(network);
        Canvas canvas = Canvas.ForContinuation([5], 4, s_tokens);
        Canvas other = Canvas.ForContinuation([5], 4, s_tokens);
        Assert.Contains("2 canvases, 1 of them different", Assert.Throws<ArgumentException>(
            () => sampler.Run([canvas, canvas], [new(), new()])).Message);
        Assert.Throws<ArgumentException>(() => sampler.Run([canvas, other], [new()]));
        Assert.Contains("TopP", Assert.Throws<CinnabarException>(
            () => sampler.Run([canvas, other], [new(), new() { TopP = 2 }])).Message);
        Assert.Equal(4, canvas.NoisyCount);
        Assert.Empty(network.AskedRows);
    }

    [Fact]
    public void Run_Cancelled_StopsBeforeTheNextPass()
    {
        using var source = new CancellationTokenSource();
        TableDenoiser network = new(12, 0, (_, _, token) => token == 4 ? 5 : 0);
        Canvas[] canvases = [Canvas.ForContinuation([5], 4, s_tokens), Canvas.ForContinuation([5], 4, s_tokens)];
        Assert.Throws<OperationCanceledException>(() => new Sampler(network).Run(
            canvases, [new(), new()], source.Token, (slot, _) => source.Cancel()));
        Assert.Equal([3, 3], canvases.Select(canvas => canvas.NoisyCount));
    }

    private static void AssertSame(IReadOnlyCollection<DenoisingStep> expected, IReadOnlyCollection<DenoisingStep> actual)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Select(step => (step.Step, step.Block)), actual.Select(step => (step.Step, step.Block)));
        Assert.Equal(expected.Select(step => step.ForwardPasses), actual.Select(step => step.ForwardPasses));
        Assert.Equal(expected.SelectMany(step => step.Commits), actual.SelectMany(step => step.Commits));
        Assert.Equal(expected.SelectMany(step => step.Edits), actual.SelectMany(step => step.Edits));
        Assert.Equal(expected.SelectMany(step => step.Renoised), actual.SelectMany(step => step.Renoised));
        Assert.Equal(expected.Select(step => step.ComputedPositions), actual.Select(step => step.ComputedPositions));
    }

    private static SamplerOptions OptionsOf(int i) => s_options[i];

    private static Canvas CanvasOf(int i) => CanvasOf(i, s_tokens);

    private static Canvas CanvasOf(int i, CanvasTokens tokens) => new(
        [
            CanvasSegment.Text([.. Enumerable.Range(3 + i, 7 + (5 * i % 23))]),
            CanvasSegment.Hole(12 + i),
            CanvasSegment.Text([.. Enumerable.Range(5, 3 + (7 * i % 19))]),
        ],
        tokens);

    private static TransformerDenoiser Network(ModelConfig config, DType type, KernelTable kernels)
    {
        Dictionary<string, Tensor> weights = TinyNetwork.Weights(config);
        return TransformerDenoiser.ForInference(
            config, name => weights[name].Shape.Length > 1 ? weights[name].To(type) : weights[name], kernels, MatMulPrecision.F32);
    }

    /// <summary>Counts the sequences of each pass.</summary>
    private sealed class CountingDenoiser(IBatchDenoiser network) : IBatchDenoiser
    {
        private int _added;

        public List<int> Batches { get; } = [];

        /// <summary>The shared pass, from 1, that throws; 0: none.</summary>
        public int FailsAt { get; init; }

        public int VocabularySize => network.VocabularySize;

        public int MaxLength => network.MaxLength;

        public int MaskTokenId => network.MaskTokenId;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            Batches.Add(1);
            return network.Logits(ids, rows);
        }

        public void BeginBatch()
        {
            _added = 0;
            network.BeginBatch();
        }

        public void AddToBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            _added++;
            network.AddToBatch(ids, rows);
        }

        public Tensor LogitsOfBatch()
        {
            Batches.Add(_added);
            if (Batches.Count == FailsAt)
            {
                throw new NotSupportedException("The network is broken.");
            }

            return network.LogitsOfBatch();
        }
    }
}
