// The diffusion transformer (DiT) of MDLM, BD3-LM and SEDD, for inference:
//
//   h = wte[ids]                                                                 [L, C]
//   per block:  h += gate1 ∘ attention(adaptive norm of h);  h += gate2 ∘ feed-forward(adaptive norm of h)      DiffusionTransformerBlock
//   o = (LN(h[rows])∘(1 + scale) + shift)·Wheadᵀ + bhead                         [rows, V]
//   logits (SUBS):  of a masked position o, where the mask is −∞;  of any other position 0 for its token and −∞ for all others
//
// SUBS is what these networks were trained under: a clean token is never a mask, and what is not masked stands. The head's outputs for
// the mask, and its rows of tokens that stand, were never trained; who looks back at these rows finds that nothing should change.
//
// The norms depend on the noise level σ (NoiseModulation). A network that is not told it has σ = 0 always: its modulations are computed
// once and what made them is let go. One that is told it (time_conditioning, SEDD) takes σ of each pass from the share of masks m among all
// positions of the pass, the level at which m is expected, σ(m) = −ln(1 − (1 − ε)·m). Deviation: the reference takes σ from the time of the
// sampler, known text not counted; as the best prediction given the tokens does not depend on σ, both ask for the same. A cache holds keys
// and values of the σ they were computed with; with full attention it is an approximation anyway.
//
// Attention is full, or block-causal for BD3-LM, whose cache is exact: Bd3lmFamily says why.
// Sources: Peebles & Xie 2023 (DiT); Sahoo et al. 2024 (MDLM, SUBS); kuleshov-group/mdlm models/dit.py; specification A.10.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>A diffusion transformer on one kernel table; at inference only. Not thread-safe.</summary>
public sealed class DiffusionTransformer : ICachingDenoiser
{
    private readonly Tape _tape;
    private readonly Parameter _embedding;
    private readonly DiffusionTransformerBlock[] _blocks;
    private readonly AdaptiveNorm _finalNorm;
    private readonly Parameter _head;
    private readonly Parameter _headBias;
    private readonly NoiseModulation? _noise; // null: σ is 0 for ever
    private readonly RotaryTable _angles;
    private readonly PassRows _pass;

    private DiffusionTransformer(ModelConfig config, Dictionary<string, Parameter> parameters, Tape tape)
    {
        (Config, _tape) = (config, tape);
        NoiseModulation? noise = config.NoiseConditioning is null ? null : new NoiseModulation(tape.Kernels, parameters);
        _embedding = parameters[LladaWeightNames.Embedding];
        _blocks =
        [
            .. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new DiffusionTransformerBlock(config, parameters, i, noise)),
        ];
        _finalNorm = new AdaptiveNorm(parameters[LladaWeightNames.FinalNorm], hasGate: false);
        noise?.Add(
            parameters[DiffusionTransformerWeights.FinalModulation],
            parameters[DiffusionTransformerWeights.FinalModulationBias],
            _finalNorm);
        _head = parameters[LladaWeightNames.Head];
        _headBias = parameters[DiffusionTransformerWeights.HeadBias];
        noise?.SetTo(0);
        _noise = config.NoiseConditioning is { IsTold: true } ? noise : null;
        _angles = new RotaryTable(config);
        _pass = new PassRows(config);
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <inheritdoc/>
    public int VocabularySize => Config.VocabularySize;

    /// <inheritdoc/>
    public int MaxLength => Config.MaxSequenceLength;

    /// <inheritdoc/>
    public int MaskTokenId => Config.MaskTokenId;

    /// <inheritdoc/>
    public int? BlockSize => Config.AttentionKind == AttentionKind.BlockCausal ? Config.AttentionBlockSize : null;

    /// <summary>
    /// Builds the network: each matrix is packed as soon as it was read, and of all but the embedding table, which is looked up in, only
    /// the packed form is kept.
    /// </summary>
    /// <param name="config">Sizes and switches.</param>
    /// <param name="read">
    /// Reads a tensor by its name in <see cref="DiffusionTransformerWeights"/>; called once for each, in order. What it returns is let go
    /// of here, so nobody else should keep it.
    /// </param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="precision">Rounding of matrix-product operands. Default BF16; Int8 matrices stay Int8.</param>
    public static DiffusionTransformer ForInference(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision = MatMulPrecision.BF16)
    {
        Tape tape = new(kernels, recording: false, precision);
        Dictionary<string, Parameter> parameters = DiffusionTransformerWeights.Expected(config).ToDictionary(weight => weight.Name, Lean);
        return new DiffusionTransformer(config, parameters, tape);

        Parameter Lean(NetworkWeight weight)
        {
            Tensor tensor = read(weight.Name);
            Parameter parameter = new(weight.Name, weight.Shape.Length == 1 ? tensor.To(DType.F32) : tensor);
            if (weight.Shape.Length > 1 && weight.Part is not ("wte" or "sigma_in" or "sigma_out" or "modulation"))
            {
                // Values finer than BF16 (F16 files) lose less as integers of 12 bits.
                bool isFine = tensor.Type == DType.F32 && precision == MatMulPrecision.BF16;
                tape.Pack(parameter, keepValues: false, isFine ? MatMulPrecision.Int16 : null);
            }

            return parameter;
        }
    }

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => Logits(ids, rows, SigmaOf(ids));

    /// <summary>One pass at a given noise level.</summary>
    /// <param name="ids">L token ids.</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="sigma">σ ≥ 0: a token is masked with probability 1 − e^−σ. Without effect if the network is not told it.</param>
    /// <returns>As <see cref="IDenoiser.Logits"/>.</returns>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, double sigma)
    {
        _pass.Clear();
        _pass.Add(ids, rows);
        return Substituted(Forward(sigma), ids, rows);
    }

    /// <inheritdoc/>
    public KeyValueCache CreateCache(int length) => new(Config, _tape, length);

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions)
    {
        _pass.Clear();
        _pass.Add(ids, rows, positions, cache);
        return Substituted(Forward(SigmaOf(ids)), ids, rows);
    }

    private double SigmaOf(ReadOnlySpan<int> ids) => NoiseModulation.SigmaAt((double)ids.Count(MaskTokenId) / ids.Length);

    private Tensor Forward(double sigma)
    {
        _tape.Reset();
        _noise?.SetTo(sigma);
        RotaryAngles angles = _angles.For(_pass.LongestSequence);
        Variable h = _tape.Embedding(_embedding, _pass.Ids);
        foreach (DiffusionTransformerBlock block in _blocks)
        {
            int mark = _tape.Mark();
            h = block.Forward(_tape, h, angles, _pass);
            _tape.ReleaseSince(mark);
        }

        Variable rows = _tape.SelectRows(h, _pass.Chosen);
        Variable outputs = _tape.LayerNormLinear(rows, _finalNorm.Weight, _finalNorm.Shift, (float)Config.RmsNormEps, _head)[0];
        return _tape.AddBias(outputs, _headBias).Value;
    }

    // SUBS, in place.
    private Tensor Substituted(Tensor logits, ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            int token = ids[rows[i]];
            Span<float> row = logits.Row(i);
            if (token == MaskTokenId)
            {
                row[MaskTokenId] = float.NegativeInfinity;
            }
            else
            {
                row.Fill(float.NegativeInfinity);
                row[token] = 0;
            }
        }

        return logits;
    }
}
