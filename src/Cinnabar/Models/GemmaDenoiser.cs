// DiffusionGemma: the layers of Gemma 4 in two roles over the same weights. E is the embedding table, s = √C.
//
//   known text   h = s·E[ids];  layers with causal attention, in sliding layers to the last W positions; only keys and values are kept
//   canvas       soft = s·P·E, P the distribution predicted by the pass before (no soft: the first pass on a canvas)
//                c = Wdown·(gelu(Wgate·u) ∘ Wup·u), u = RMSNorm(soft; pre_norm)          self-conditioning; c = 0 without soft
//                h = RMSNorm(s·E[ids] + c), without weight;  layers in which each position sees the whole canvas and the known text, in
//                sliding layers its last W − 1 positions
//                logits = cap·tanh(E·RMSNorm(h; norm)/cap)                               [N, V]
//
// The canvas stands right behind the known text, and no time is an input. What each context keeps is soft, not the logits it came from,
// which would be a hundred times as large.
// Source: huggingface/transformers, models/diffusion_gemma; the order of operations is that of its generation loop.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>DiffusionGemma on one kernel table, at inference only. Not thread-safe.</summary>
public sealed class GemmaDenoiser : IUniformDenoiser
{
    private const int FirstAngles = 1_024;

    private RotaryAngles _slidingAngles;
    private RotaryAngles _fullAngles;
    private int[] _ascending = [];

    private GemmaDenoiser(ModelConfig config, Dictionary<string, Parameter> parameters, GemmaSoftEmbedding soft, Tape tape)
    {
        Parameter OfSelfConditioning(string part) => parameters[GemmaWeightNames.OfSelfConditioning(part)];
        Config = config;
        Tape = tape;
        SoftEmbedding = soft;
        Embedding = parameters[GemmaWeightNames.Embedding];
        FinalNorm = parameters[GemmaWeightNames.FinalNorm];
        CanvasNorm = GemmaLayer.Ones(config.HiddenSize);
        SoftNorm = OfSelfConditioning("pre_norm");
        SelfConditioning = new GemmaFeedForward(
            OfSelfConditioning("gate_proj"), OfSelfConditioning("up_proj"), OfSelfConditioning("down_proj"));
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new GemmaLayer(config, parameters, i))];
        int first = Math.Min(FirstAngles, MostPositions);
        (_slidingAngles, _fullAngles) = (SlidingAngles(first), FullAngles(first));
    }

    /// <summary>Sizes and switches.</summary>
    public ModelConfig Config { get; }

    /// <inheritdoc/>
    public int VocabularySize => Config.VocabularySize;

    /// <inheritdoc/>
    public int MaxLength => Config.MaxSequenceLength;

    /// <inheritdoc/>
    /// <remarks>No id stands for uniform noise; a canvas shows this one before it has any.</remarks>
    public int MaskTokenId => Config.MaskTokenId;

    /// <inheritdoc/>
    public int CanvasLength => Gemma.CanvasLength;

    internal GemmaConfig Gemma => Config.Gemma!;

    internal Tape Tape { get; }

    internal GemmaLayer[] Layers { get; }

    internal GemmaSoftEmbedding SoftEmbedding { get; }

    internal Parameter Embedding { get; }

    internal Parameter FinalNorm { get; }

    // Ones.
    internal Parameter CanvasNorm { get; }

    internal Parameter SoftNorm { get; }

    internal GemmaFeedForward SelfConditioning { get; }

    // The last canvas may end behind the longest text.
    private int MostPositions => MaxLength + CanvasLength;

    /// <summary>Builds the network; each matrix is packed as soon as it was read, and of all but the table only that is kept.</summary>
    /// <param name="config">Sizes and switches.</param>
    /// <param name="read">Reads a weight by its name (<see cref="GemmaWeightNames"/>); called once for each.</param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="precision">Rounding of matrix-product operands; default BF16.</param>
    /// <exception cref="CinnabarException">The table is too large for products of F32.</exception>
    public static GemmaDenoiser ForInference(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision = MatMulPrecision.BF16)
    {
        if (precision == MatMulPrecision.F32 && (long)config.VocabularySize * config.HiddenSize * sizeof(float) > Array.MaxLength)
        {
            throw new CinnabarException(
                $"Expected an embedding table of at most {Array.MaxLength} bytes in F32, found one of {config.VocabularySize} rows of "
                + $"{config.HiddenSize}.",
                "Load the model in another form than Exact.");
        }

        Tape tape = new(kernels, recording: false, precision);
        Dictionary<string, Parameter> parameters = [];
        GemmaSoftEmbedding? soft = null;
        foreach (NetworkWeight weight in GemmaWeightNames.Expected(config))
        {
            Tensor value = read(weight.Name);
            bool isTable = weight.Part == "wte";
            Parameter parameter = new(weight.Name, weight.Shape.Length == 1 ? Folded(value, weight.Part, config) : value);
            if (isTable)
            {
                soft = new GemmaSoftEmbedding(value, kernels, precision);
            }

            if (weight.Shape.Length > 1)
            {
                // Rounding could make the router choose another expert. Values finer than BF16 lose less as integers of 12 bits.
                tape.Pack(
                    parameter,
                    keepValues: isTable,
                    weight.Part == "router" ? MatMulPrecision.F32
                    : value.Type == DType.F32 && precision == MatMulPrecision.BF16 ? MatMulPrecision.Int16
                    : null);
            }

            parameters.Add(weight.Name, parameter);
        }

        return new GemmaDenoiser(config, parameters, soft!, tape);
    }

    /// <inheritdoc/>
    public IUniformContext Open() => new GemmaContext(this);

    /// <inheritdoc/>
    public void CheckText(ReadOnlySpan<int> ids)
    {
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)VocabularySize)
            {
                throw new CinnabarException(
                    $"Expected token ids below {VocabularySize} (the network's vocabulary), found {id}.",
                    "Use the tokenizer that belongs to this network.");
            }

            if (Gemma.ImageTokenIds.Contains(id))
            {
                throw new CinnabarException(
                    $"Expected text, found token {id}, which stands for an image.", "Leave images out: this network reads text only.");
            }
        }
    }

    /// <summary>One pass in which the last N of the ids are a canvas and those before it known text, without self-conditioning.</summary>
    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A row is not in the canvas.</exception>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        int start = Math.Max(0, ids.Length - CanvasLength);
        if (rows.Length > 0 && rows[0] < start)
        {
            throw new ArgumentException($"Expected rows of the canvas, which starts at {start}, found {rows[0]}.", nameof(rows));
        }

        IUniformContext context = Open();
        context.Append(ids[..start]);
        Tensor logits = context.Logits(ids[start..]);
        Tensor result = Tensor.Zeros(rows.Length, VocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            logits.Row(rows[i] - start).CopyTo(result.Row(i));
        }

        return result;
    }

    /// <summary>Rotary angles of at least so many positions, for sliding or for full layers.</summary>
    internal RotaryAngles AnglesFor(bool isSliding, int positions)
    {
        if (positions > _slidingAngles.Positions)
        {
            int room = (int)Math.Max(positions, Math.Min(2L * _slidingAngles.Positions, MostPositions));
            (_slidingAngles, _fullAngles) = (SlidingAngles(room), FullAngles(room));
        }

        return isSliding ? _slidingAngles : _fullAngles;
    }

    /// <summary>The numbers from <paramref name="first"/> on.</summary>
    internal ReadOnlyMemory<int> Ascending(int first, int count)
    {
        if (first + count > _ascending.Length)
        {
            _ascending = [.. Enumerable.Range(0, 2 * (first + count))];
        }

        return _ascending.AsMemory(first, count);
    }

    private RotaryAngles SlidingAngles(int positions) => new(positions, Config.HeadSize, Config.RopeTheta);

    private RotaryAngles FullAngles(int positions) => new(
        positions,
        Gemma.GlobalHeadSize,
        [
            .. Enumerable.Range(0, Gemma.GlobalHeadSize / 2).Select(
                i => i < Gemma.GlobalRotaryPairs ? Math.Pow(Gemma.GlobalRopeTheta, -2.0 * i / Gemma.GlobalHeadSize) : 0),
        ]);

    // A norm or scale in F32, with the constants that stand beside it.
    private static Tensor Folded(Tensor value, string part, ModelConfig config)
    {
        Tensor folded = value.To(DType.F32);
        double factor = part switch
        {
            "self_attn.q_norm.weight" => Math.Sqrt(folded.Count), // attention divides scores by √D
            "router.scale" => 1 / Math.Sqrt(config.HiddenSize),
            _ => 1,
        };
        foreach (ref float number in folded.Floats)
        {
            number = (float)(number * factor);
        }

        return folded;
    }
}
