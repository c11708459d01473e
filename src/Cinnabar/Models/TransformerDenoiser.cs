// The transformer of LLaDA (Nie et al. 2025; layout of LLaDAModelLM) and of the families that differ from it in details only: one
// definition for training and inference.
//
//   h = wte[ids]  (+ wpe[positions], if they are learned)            [B·L, C]
//   per block:  h += attention(RMSNorm(h));  h += feed-forward or experts(RMSNorm(h))        TransformerBlock
//   logits = RMSNorm(h[rows])·Wheadᵀ                                 [rows, E]
//
// No time input (the best prediction given x_t does not depend on t). The head runs only on the rows asked for.
// E ≥ V: the tables of a checkpoint may be padded (embedding_size) above the vocabulary (vocab_size), and no id stands for those rows.
// Training takes the softmax over all E columns, as the reference does, which teaches the network that padding never occurs; whoever
// samples or measures gets V columns, so that no id of the padding can be drawn.
// With a cache only some positions are computed; they attend to the keys and values that the others had when they were computed last.
// The switches AttentionKind and ShiftLogits make the same network block-causal or autoregressive.
// The last blocks may be on other machines (Machines/LayerPipeline.cs).
using Cinnabar.Checkpoints;
using Cinnabar.Machines;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>A transformer on one kernel table. Not thread-safe.</summary>
public sealed class TransformerDenoiser : ICachingBatchDenoiser, ITwoWayDenoiser, ILeaveOneOutDenoiser
{
    private readonly TransformerBlocks _blocks;
    private readonly LayerPipeline? _elsewhere; // the blocks behind these; null: there are none
    private readonly Parameter _embedding;
    private readonly Parameter? _positions;
    private readonly Parameter _finalNorm;
    private readonly Parameter _head;
    private readonly Tape _inference;
    private readonly PassRows _pass; // of Logits
    private readonly PassRows _batch; // of LogitsOfBatch
    private Tensor? _padded;
    private Tensor? _unpadded;

    /// <summary>Builds the network over given weights.</summary>
    /// <param name="config">Sizes and switches.</param>
    /// <param name="weights">
    /// Tensors by checkpoint name, as listed by <see cref="LladaWeightNames"/>; F32, or BF16 or Int8 for matrices at inference.
    /// </param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="precision">Rounding of matrix-product operands in <see cref="IDenoiser.Logits"/>. Default BF16.</param>
    public TransformerDenoiser(
        ModelConfig config,
        IReadOnlyDictionary<string, Tensor> weights,
        KernelTable kernels,
        MatMulPrecision precision = MatMulPrecision.BF16)
        : this(
            config,
            LladaWeightNames.Expected(config).Select(w => new Parameter(w.Name, weights[w.Name])),
            new Tape(kernels, recording: false, precision))
    {
    }

    private TransformerDenoiser(
        ModelConfig config,
        IEnumerable<Parameter> parameters,
        Tape inference,
        LayerPipeline? elsewhere = null,
        TransformerBlocks? blocks = null)
    {
        Config = config;
        Parameters = [.. parameters];
        Dictionary<string, Parameter> byName = Parameters.ToDictionary(p => p.Name);
        _embedding = byName[LladaWeightNames.Embedding];
        _positions = config.LearnedPositions ? byName[LladaWeightNames.Positions] : null;
        _finalNorm = byName[LladaWeightNames.FinalNorm];
        _head = config.WeightTying ? _embedding : byName[LladaWeightNames.Head];
        _blocks = blocks ?? new TransformerBlocks(config, byName, first: 0, elsewhere?.FirstLayer ?? config.NumHiddenLayers);
        _elsewhere = elsewhere;
        _inference = inference;
        _pass = new PassRows(config);
        _batch = new PassRows(config);
    }

    /// <summary>Sizes and switches.</summary>
    public ModelConfig Config { get; }

    /// <summary>The trained tensors, in checkpoint order; those of blocks on other machines are not among them.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public int VocabularySize => Config.VocabularySize;

    /// <inheritdoc/>
    public int MaxLength => Config.MaxSequenceLength;

    /// <inheritdoc/>
    public int? BlockSize => Config.AttentionKind == AttentionKind.BlockCausal ? Config.AttentionBlockSize : null;

    /// <inheritdoc/>
    public int MaskTokenId => Config.MaskTokenId;

    /// <summary>
    /// Builds the network for inference alone: each matrix is packed as soon as it was read, and of all but the embedding table, which is
    /// looked up in, only the packed form is kept. Memory so holds the weights once.
    /// </summary>
    /// <param name="config">Sizes and switches.</param>
    /// <param name="read">
    /// Reads a tensor by checkpoint name, F32, BF16 or, for matrices, Int8; called once for each, in checkpoint order. What it returns is
    /// let go of here, so nobody else should keep it.
    /// </param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="precision">Rounding of matrix-product operands. Default BF16; Int8 matrices stay Int8.</param>
    public static TransformerDenoiser ForInference(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision = MatMulPrecision.BF16) =>
        ForInference(config, read, kernels, precision, elsewhere: null);

    /// <summary>As the other, with the last blocks on other machines, which are sent their weights.</summary>
    internal static TransformerDenoiser ForInference(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision, LayerPipeline? elsewhere)
    {
        Tape inference = new(kernels, recording: false, precision);
        List<Parameter> parameters = [];
        foreach (NetworkWeight weight in LladaWeightNames.Expected(config))
        {
            if (weight.Block >= elsewhere?.FirstLayer)
            {
                elsewhere.Send(weight, read(weight.Name));
            }
            else
            {
                parameters.Add(LeanWeight.Of(weight, read(weight.Name), config, inference, precision));
            }
        }

        elsewhere?.Complete();
        return new TransformerDenoiser(config, parameters, inference, elsewhere);
    }

    /// <summary>Random weights (<see cref="InitialWeights"/>).</summary>
    public static Dictionary<string, Tensor> Initialize(ModelConfig config, ulong seed) =>
        InitialWeights.Draw(LladaWeightNames.Expected(config), config.NumHiddenLayers, seed);

    /// <summary>The network on a batch of sequences.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="ids">B·L token ids, sequence after sequence.</param>
    /// <param name="batch">B.</param>
    /// <param name="rows">Positions in 0 … B·L − 1 whose logits are wanted.</param>
    /// <param name="validLengths">Tokens of each sequence before its padding; null when there is none.</param>
    /// <param name="hasNoisyHalf">
    /// Whether each sequence stands twice in its L positions, the second time with noise (<see cref="AttentionShape.HasNoisyHalf"/>).
    /// </param>
    /// <param name="attention">Who sees whom; null: as the network is configured.</param>
    /// <returns>Logits [rows.Length, E], the padding of the tables included; row i predicts the token at rows[i].</returns>
    public Variable Forward(
        Tape tape,
        ReadOnlySpan<int> ids,
        int batch,
        ReadOnlySpan<int> rows,
        int[]? validLengths = null,
        bool hasNoisyHalf = false,
        AttentionKind? attention = null)
    {
        if (_elsewhere is not null)
        {
            throw new NotSupportedException("A network with layers on other machines can only be run.");
        }

        int length = ids.Length / batch;
        int[] predictors = new int[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            predictors[i] = (rows[i] / length * length) + PassRows.PredictorOf(rows[i] % length, Config.ShiftLogits);
        }

        AttentionShape shape = new(
            batch,
            length,
            Config.NumAttentionHeads,
            Config.NumKeyValueHeads,
            Config.HeadSize,
            attention ?? Config.AttentionKind,
            Config.AttentionBlockSize,
            validLengths,
            HasNoisyHalf: hasNoisyHalf);
        return Head(tape, Blocks(tape, ids, shape, hasNoisyHalf ? length / 2 : length, pass: null), predictors);
    }

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        _pass.Clear();
        _pass.Add(ids, rows);
        return Logits(_pass);
    }

    /// <inheritdoc/>
    public KeyValueCache CreateCache(int length)
    {
        KeyValueCache cache = _blocks.CreateCache(_inference, length);
        _elsewhere?.Watch(cache);
        return cache;
    }

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions)
    {
        _pass.Clear();
        _pass.Add(ids, rows, positions, cache);
        return Logits(_pass);
    }

    /// <inheritdoc/>
    public void RequireCausalReading(string option)
    {
        if (Config.AttentionKind != AttentionKind.Full || !Config.ShiftLogits)
        {
            throw new CinnabarException(
                $"Expected a network with full attention whose positions predict the token behind them, for the option {option}, "
                + $"found attention_kind {Config.AttentionKind}, shift_logits {Config.ShiftLogits}.",
                $"Leave {option} out.");
        }
    }

    /// <inheritdoc/>
    public ICachingDenoiser ReadCausally()
    {
        RequireCausalReading("LeftToRight");
        return new TransformerDenoiser(
            Config with { AttentionKind = AttentionKind.Causal }, Parameters, _inference, _elsewhere, _blocks);
    }

    /// <inheritdoc/>
    public void RequireLeavingOut()
    {
        if (Config.AttentionKind != AttentionKind.Full || Config.ShiftLogits)
        {
            throw new CinnabarException(
                "Expected a network with full attention that predicts a token at its own position, for the option VerifyThreshold, "
                + $"found attention_kind {Config.AttentionKind}, shift_logits {Config.ShiftLogits}.",
                "Leave VerifyThreshold out.");
        }
    }

    /// <inheritdoc/>
    public Tensor LogitsWithShadows(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> shadowed)
    {
        RequireLeavingOut();
        _pass.Clear();
        _pass.AddWithShadows(ids, rows, shadowed, MaskTokenId);
        return Logits(_pass);
    }

    /// <inheritdoc/>
    public void BeginBatch() => _batch.Clear();

    /// <inheritdoc/>
    public void AddToBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => _batch.Add(ids, rows);

    /// <inheritdoc/>
    public void AddToBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions) =>
        _batch.Add(ids, rows, positions, cache);

    /// <inheritdoc/>
    public Tensor LogitsOfBatch() => Logits(_batch);

    private Tensor Logits(PassRows pass)
    {
        _inference.Reset();
        Variable h = _elsewhere is null
            ? Blocks(_inference, pass.Ids, default, pass.LongestSequence, pass)
            : _elsewhere.Forward(_inference, pass, part => Blocks(_inference, part.Ids, default, part.LongestSequence, part));
        return WithoutPadding(Head(_inference, h, pass.Chosen).Value);
    }

    // ids: those of the rows; shape: of whole sequences, without a pass; length: of the longest sequence.
    private Variable Blocks(Tape tape, ReadOnlySpan<int> ids, AttentionShape shape, int length, PassRows? pass)
    {
        Variable h = tape.Embedding(_embedding, ids);
        h = _positions is null ? h : tape.Add(h, tape.Embedding(_positions, pass is null ? Repeated(length, ids.Length) : pass.Positions));
        return _blocks.Forward(tape, h, shape, length, pass);
    }

    // chosen: rows that predict.
    private Variable Head(Tape tape, Variable h, ReadOnlySpan<int> chosen) =>
        tape.RmsNormLinear(tape.SelectRows(h, chosen), _finalNorm, (float)Config.RmsNormEps, _head)[0];

    // 0 … length − 1, again and again.
    private static int[] Repeated(int length, int count) => [.. Enumerable.Range(0, count).Select(i => i % length)];

    // Logits [rows, E] → [rows, V]: moves the first V columns of each row up to the row before, in place: no row is written before it was
    // read.
    private Tensor WithoutPadding(Tensor logits)
    {
        int vocabulary = Config.VocabularySize;
        if (Config.EmbeddingSize == vocabulary)
        {
            return logits;
        }

        for (int row = 1; row < logits.Rows; row++)
        {
            logits.Row(row)[..vocabulary].CopyTo(logits.Floats.Slice(row * vocabulary, vocabulary));
        }

        // Passes of the same size get the same tensor from the tape, so the view of the last one usually fits.
        if (_unpadded is null || _padded != logits || _unpadded.Rows != logits.Rows)
        {
            _padded = logits;
            _unpadded = logits.View(logits.Rows, vocabulary);
        }

        return _unpadded;
    }
}
