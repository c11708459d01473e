using System.Runtime.CompilerServices;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Models;

/// <summary>What a pass allocates and what a network holds. Nothing else may run meanwhile: the runtime counts the whole process.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests
{
    private const int L = 96;
    private const int MostPasses = 200;
    private static readonly CanvasTokens s_tokens = new(0, 1, 2);

    // Large enough that every loop of a pass is shared between threads.
    private static readonly ModelConfig s_config = TinyNetwork.Config with
    {
        HiddenSize = 128, IntermediateSize = 256, MaxSequenceLength = L, NumKeyValueHeads = 2,
    };

    private static readonly Dictionary<string, SamplerOptions> s_samplings = new()
    {
        ["steps"] = new() { Steps = 6 },
        ["threshold"] = new() { Threshold = 0.3, Steps = 20 },
        ["drawn"] = new() { Steps = 6, Temperature = 0.8, TopP = 0.9, TopK = 20, Seed = 3 },
        ["dual cache"] = new() { BlockSize = 10, Steps = 9, Cache = CacheKind.Dual },
        ["active cache"] = new() { Steps = 6, Cache = CacheKind.Active, CacheRefresh = 4 },
        ["guided"] = new() { Steps = 4, CfgScale = 1 },
    };

    public static TheoryData<string> Samplings => [.. s_samplings.Keys];

    public static TheoryData<KernelForm, int, DType> Networks => new()
    {
        { KernelForm.Jit, 1, DType.F32 },
        { KernelForm.Jit, 2, DType.BF16 },
        { KernelForm.Jit, 1, DType.Int8 },
        { KernelForm.Jit, 2, DType.Int8 },
        { KernelForm.Jit, 2, DType.Q4_0 },
        { KernelForm.Vector, 2, DType.F32 },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Logits_AfterTheFirstPasses_AllocateNothing(KernelForm form, int threads, DType type)
    {
        int[] ids = [.. Enumerable.Range(0, L).Select(i => i % s_config.VocabularySize)];
        int[] rows = [.. Enumerable.Range(0, L).Where(i => i % 3 == 0)];
        int[] positions = [.. Enumerable.Range(20, 50)];
        KernelTable kernels = KernelTable.Create(threads, form);
        foreach (ModelConfig config in (ModelConfig[])
            [
                s_config,
                s_config with { EmbeddingSize = 57, AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 16 },
                s_config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true, WeightTying = true },
            ])
        {
            TransformerDenoiser network = Network(config, type, kernels);
            KeyValueCache cache = network.CreateCache(L);
            Assert.Equal(0, LeastAllocated(() => network.Logits(ids, rows)));
            Assert.Equal(0, LeastAllocated(() => network.Logits(ids, rows, cache, positions)));
        }

        kernels.Workers.Dispose();
    }


    [Theory]
    [MemberData(nameof(Samplings))]
    public void SamplerRun_AfterTheFirstCanvas_AllocatesNothing(string name)
    {
        KernelTable kernels = KernelTable.Create(threads: 2);
        Sampler sampler = new(Network(s_config, DType.Int8, kernels), kernels.Workers);
        Queue<Canvas> canvases = new(Enumerable.Range(0, MostPasses + 2).Select(_ => SomeCanvas()));
        long allocated = LeastAllocated(() => sampler.Run(canvases.Dequeue(), s_samplings[name]));
        Assert.True(allocated == 0, $"A canvas with {name} allocates {allocated} bytes.");
        kernels.Workers.Dispose();
    }

    [Theory]
    [MemberData(nameof(Samplings))]
    public void SamplerStep_AfterTheFirst_AllocatesNothing(string name)
    {
        // One thread, so that what others allocate does not count.
        KernelTable kernels = KernelTable.Create(threads: 1);
        TransformerDenoiser network = Network(s_config, DType.Int8, kernels);
        MaskedRun run = new(network, new CandidateReader(network.VocabularySize, kernels.Workers), TimeProvider.System);
        DrawingRules rules = new(s_tokens, s_samplings[name], network.VocabularySize);
        run.Begin(SomeCanvas(), rules);
        while (run.Step(CancellationToken.None))
        {
            // What a process does once is done with the first canvas.
        }

        run.Begin(SomeCanvas(), rules);
        Assert.True(run.Step(CancellationToken.None));
        long before = GC.GetAllocatedBytesForCurrentThread();
        int steps = 1;
        while (run.Step(CancellationToken.None))
        {
            steps++;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(steps > 3, $"{steps} steps with {name} are too few.");
        Assert.True(allocated == 0, $"{steps - 1} steps with {name} allocate {allocated} bytes.");
    }

    [Theory]
    [InlineData(DType.Int8, false)]
    [InlineData(DType.Int8, true)]
    [InlineData(DType.BF16, false)]
    [InlineData(DType.Q8_0, false)]
    public void ForInference_HoldsThePackedWeightsAndTheEmbeddingTable(DType type, bool tied)
    {
        ModelConfig config = TinyNetwork.Config with
        {
            HiddenSize = 256, IntermediateSize = 704, NumHiddenLayers = 3, VocabularySize = 4096, EmbeddingSize = 4096, WeightTying = tied,
        };
        Dictionary<string, int[]> shapes = LladaWeightNames.Expected(config).ToDictionary(weight => weight.Name, weight => weight.Shape);
        KernelTable kernels = KernelTable.Create(threads: 1);
        Tensor Made(string name) => Written(shapes[name].Length == 1 ? DType.F32 : type, shapes[name]);
        MatMulPrecision precision = type == DType.BF16 ? MatMulPrecision.BF16 : MatMulPrecision.Int8;
        long table = Made(LladaWeightNames.Embedding).Bytes.Length;

        List<PackedMatrix> alone = [];
        foreach ((string name, _) in shapes.Where(weight => weight.Value.Length > 1 && (tied || weight.Key != LladaWeightNames.Embedding)))
        {
            PackedMatrix? packed = null;
            kernels.MatMul.Pack(Made(name).AsMatrix().Transposed, precision, ref packed);
            alone.Add(packed!);
        }

        long packedBytes = alone.Sum(matrix => matrix.Bytes);
        GC.KeepAlive(alone);
        alone.Clear();
        // The middle of five, as what tests before left behind may go in any of them.
        TransformerDenoiser network = Loaded(out _);
        long[] sizes = new long[5];
        for (int i = 0; i < sizes.Length; i++)
        {
            network = null!;
            network = Loaded(out sizes[i]);
        }

        Array.Sort(sizes);
        long held = sizes[2];
        Assert.True(packedBytes > 1_000_000, $"Packed weights take {packedBytes} bytes: too few to compare with.");
        Assert.InRange(held, 0.98 * packedBytes, 1.15 * (packedBytes + table));
        foreach (Parameter parameter in network.Parameters)
        {
            bool kept = parameter.Name == LladaWeightNames.Embedding || shapes[parameter.Name].Length == 1;
            Assert.Equal(kept, Record.Exception(() => parameter.Value) is null);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        TransformerDenoiser Loaded(out long size)
        {
            long start = InUse();
            TransformerDenoiser loaded = TransformerDenoiser.ForInference(config, Made, kernels);
            size = InUse() - start;
            return loaded;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ForInference_Blocks_TakeTheMemoryOfTheFile(bool tied)
    {
        ModelConfig config = TinyNetwork.Config with
        {
            HiddenSize = 256, IntermediateSize = 768, NumHiddenLayers = 3, VocabularySize = 4096, EmbeddingSize = 4096, WeightTying = tied,
        };
        KernelTable kernels = KernelTable.Create(threads: 1);
        Dictionary<string, int[]> shapes = LladaWeightNames.Expected(config).ToDictionary(weight => weight.Name, weight => weight.Shape);
        long file = shapes.Values.Sum(
            shape => Tensor.BytesOf(shape.Length == 1 ? DType.F32 : DType.Q4_K, shape.Aggregate((a, b) => a * b)));
        long before = InUse();
        TransformerDenoiser network = TransformerDenoiser.ForInference(
            config, name => Written(shapes[name].Length == 1 ? DType.F32 : DType.Q4_K, shapes[name]), kernels);
        Assert.InRange(InUse() - before, 0.98 * file, 1.1 * file);
        GC.KeepAlive(network);
    }

    // The lookup takes the exact values of a row, the head their integers.
    [Fact]
    public void ForInference_TiedTableInBlocks_IsLookedUpAndMultiplied()
    {
        KernelTable kernels = KernelTable.Create(threads: 2);
        Dictionary<string, Tensor> weights = TinyNetwork.Weights(s_config).ToDictionary(w => w.Key, w => Stored(w.Value, DType.Q4_0));
        Tensor table = weights[LladaWeightNames.Embedding];
        Tensor found = TransformerDenoiser.ForInference(s_config with { WeightTying = true }, name => weights[name], kernels)
            .Logits([3, 4, 0, 5], [1, 2]);
        Tensor expected = TransformerDenoiser.ForInference(s_config, Untied, kernels).Logits([3, 4, 0, 5], [1, 2]);
        Assert.Equal(expected.Floats.ToArray(), found.Floats.ToArray());

        Tensor Untied(string name) => name switch
        {
            LladaWeightNames.Embedding => table.To(DType.F32),
            LladaWeightNames.Head => table.Quantize(DType.Int8, table.Columns),
            _ => weights[name],
        };
    }

    [Fact]
    public void ForInference_GivesTheLogitsOfTheWholeWeights()
    {
        foreach (ModelConfig config in (ModelConfig[])[s_config, s_config with { WeightTying = true }])
        {
            KernelTable kernels = KernelTable.Create(threads: 1);
            Dictionary<string, Tensor> weights = TinyNetwork.Weights(config)
                .ToDictionary(weight => weight.Key, weight => weight.Value.Shape.Length == 1 ? weight.Value : weight.Value.To(DType.BF16));
            Tensor expected = new TransformerDenoiser(config, weights, kernels).Logits([3, 4, 0, 5], [1, 2]);
            Tensor found = TransformerDenoiser.ForInference(config, name => weights[name], kernels).Logits([3, 4, 0, 5], [1, 2]);
            Assert.Equal(expected.Floats.ToArray(), found.Floats.ToArray());
        }
    }

    // A tensor takes memory from when something is written to it.
    private static Tensor Written(DType type, int[] shape)
    {
        Tensor tensor = Tensor.Zeros(type, shape);
        tensor.Bytes.Clear();
        return tensor;
    }

    private static Canvas SomeCanvas() => new(
        [CanvasSegment.Text([.. Enumerable.Range(3, 30)]), CanvasSegment.Hole(30), CanvasSegment.Text([.. Enumerable.Range(5, 30)])],
        s_tokens);

    private static TransformerDenoiser Network(ModelConfig config, DType type, KernelTable kernels)
    {
        Dictionary<string, Tensor> weights = TinyNetwork.Weights(config);
        return TransformerDenoiser.ForInference(
            config, name => Stored(weights[name], type), kernels);
    }

    private static Tensor Stored(Tensor values, DType type)
    {
        if (values.Shape.Length == 1 || !type.IsBlocks())
        {
            return values.Shape.Length == 1 ? values : values.To(type);
        }

        Tensor blocks = Tensor.Zeros(type, values.Shape);
        BlockEncoder.Encode(GgmlType.Q4_0, values.Floats, blocks.Bytes);
        blocks.FitScales(0, blocks.Rows);
        return blocks;
    }

    // Of many passes after the first two: a thread may meet its first item late, and the test runner may have something to say, which on
    // a busy machine is as often as there are passes.
    private static long LeastAllocated(Action pass)
    {
        pass();
        pass();
        long least = long.MaxValue;
        for (int i = 0; i < MostPasses && least > 0; i++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            pass();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        return least;
    }

    private static long InUse()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
