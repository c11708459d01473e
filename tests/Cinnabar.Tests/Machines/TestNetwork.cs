using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Diffusion;
using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Machines;

/// <summary>A network of four blocks with random weights, of every kind that its layers may be of.</summary>
internal sealed class TestNetwork
{
    private static readonly ModelConfig s_plain = TinyNetwork.Config with
    {
        HiddenSize = 32, IntermediateSize = 64, NumHiddenLayers = 4, NumKeyValueHeads = 2, MaxSequenceLength = 40, RopeTheta = 100,
    };

    private static readonly Dictionary<string, ModelConfig> s_configs = new()
    {
        ["full"] = s_plain,
        ["block-causal"] = s_plain with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 3 },
        ["causal"] = s_plain with { AttentionKind = AttentionKind.Causal, ShiftLogits = true },
        ["shifted"] = s_plain with { ShiftLogits = true, NumKeyValueHeads = 4, HeadSize = 12, RotaryDimensions = 6 },
        ["learned"] = s_plain with { LearnedPositions = true, WeightTying = true, VocabularySize = 37 },
        ["norms-biases"] = s_plain with { QueryKeyNorm = true, QueryKeyValueBias = true, RmsNormEps = 0.01 },
        ["experts"] = s_plain with { Experts = new ExpertConfig { Count = 5, ActiveCount = 2, IntermediateSize = 20 } },
        ["grouped-experts"] = s_plain with
        {
            Experts = new ExpertConfig
            {
                Count = 6,
                ActiveCount = 3,
                IntermediateSize = 16,
                Scoring = ExpertScoring.Sigmoid,
                Renormalize = true,
                ScalingFactor = 2.5,
                HasSelectionBias = true,
                GroupCount = 3,
                ActiveGroups = 2,
                SharedIntermediateSize = 12,
                DenseBlocks = 3,
            },
        },
    };

    private TestNetwork(ModelConfig config, Func<Tensor, Tensor> stored, MatMulPrecision precision)
    {
        Config = config;
        Precision = precision;
        Weights = TinyNetwork.Weights(config).ToDictionary(w => w.Key, w => w.Value.Shape.Length == 1 ? w.Value : stored(w.Value));
    }

    public static IEnumerable<string> Kinds => s_configs.Keys;

    public static IEnumerable<string> Forms => ["exact", "f16", "bf16", "int8", "int8-groups", "int4", "q4_0"];

    public ModelConfig Config { get; }

    public MatMulPrecision Precision { get; }

    public Dictionary<string, Tensor> Weights { get; }

    /// <summary>One of <see cref="Kinds"/>, in one of <see cref="Forms"/>.</summary>
    public static TestNetwork Of(string kind, string form = "bf16") => form switch
    {
        "exact" => new(s_configs[kind], tensor => tensor, MatMulPrecision.F32),
        "f16" => new(s_configs[kind], tensor => tensor, MatMulPrecision.BF16), // products of 12-bit integers
        "bf16" => new(s_configs[kind], tensor => tensor.To(DType.BF16), MatMulPrecision.BF16),
        "int8" => new(s_configs[kind], tensor => tensor.Quantize(DType.Int8, tensor.Columns), MatMulPrecision.BF16),
        "int8-groups" => new(s_configs[kind], tensor => tensor.Quantize(DType.Int8, 16), MatMulPrecision.BF16),
        "int4" => new(s_configs[kind], tensor => tensor.Quantize(DType.Int4, 32), MatMulPrecision.BF16),
        _ => new(s_configs[kind], Blocks, MatMulPrecision.BF16),
    };

    /// <summary>A network of other sizes.</summary>
    public static TestNetwork Of(Func<ModelConfig, ModelConfig> change) => new(change(s_plain), tensor => tensor, MatMulPrecision.F32);

    /// <summary>The network with all layers here.</summary>
    public TransformerDenoiser Here() =>
        TransformerDenoiser.ForInference(Config, name => Weights[name], KernelTable.Create(threads: 1), Precision);

    /// <summary>Machines with its last layers.</summary>
    public LayerPipeline Connect(MachineList machines) =>
        LayerPipeline.Connect(machines, Config, "tiny", Precision, KernelTable.Create(threads: 1));

    /// <summary>The network with its last layers elsewhere.</summary>
    public TransformerDenoiser Over(LayerPipeline pipeline) =>
        TransformerDenoiser.ForInference(Config, name => Weights[name], KernelTable.Create(threads: 1), Precision, pipeline);

    /// <summary>Bytes that are held of the weights of a layer, or of one of them.</summary>
    public long HeldBytes(int layer, string name = "")
    {
        Tape tape = new(KernelTable.Create(threads: 1), recording: false, Precision);
        return LladaWeightNames.Expected(Config)
            .Where(weight => weight.Block == layer && weight.Name.Contains(name, StringComparison.Ordinal))
            .Sum(weight => LeanWeight.Of(weight, Weights[weight.Name], Config, tape, Precision).HeldBytes);
    }

    /// <summary>Bytes of the keys and values of a canvas in one layer.</summary>
    public long CacheBytes(int positions) => 2L * positions * Config.NumKeyValueHeads * Config.HeadSize * sizeof(float);

    /// <summary>Tokens that look like some.</summary>
    public int[] Ids(int length, int seed = 0)
    {
        DeterministicRandom random = new((ulong)seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.NextInt(3) == 0 ? 0 : random.NextInt(Config.VocabularySize))];
    }

    private static Tensor Blocks(Tensor values)
    {
        Tensor blocks = Tensor.Zeros(DType.Q4_0, values.Shape);
        BlockEncoder.Encode(GgmlType.Q4_0, values.Floats, blocks.Bytes);
        blocks.FitScales(0, blocks.Rows);
        return blocks;
    }
}
