// Scaled dot-product attention (Vaswani et al. 2017, eq. 1) for each sequence b and head h:
//   S = Q·Kᵀ/√D,  P = softmax(S + mask),  O = P·V          Q, O: [L, D] slices of [B·L, H·D];  K, V: slices of [B·L, G·D]
// H query heads share G key/value heads in groups of H/G (grouped-query attention; G = H is the plain form).
// Backward, with lse[i] = ln Σ_j exp S[i, j] kept from the forward pass (Dao et al. 2022, FlashAttention, alg. 4):
//   P = exp(S − lse),  dV = Pᵀ·dO,  dP = dO·Vᵀ,  dS = P ∘ (dP − rowsum(dO ∘ O)),  dQ = dS·K/√D,  dK = dSᵀ·Q/√D
// At inference the query rows may be some positions of one sequence, and K and V those of all positions, most of them computed earlier.
// A query row whose keys are all masked yields zeros, lse = −∞ and no gradient.
// Sequences of different lengths, with or without keys and values from earlier, share a call as parts: their query rows stand one behind
// the other.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Which keys a query may see.</summary>
public enum AttentionKind
{
    /// <summary>All keys: bidirectional.</summary>
    Full,

    /// <summary>Keys of its own block and of earlier blocks: ⌊k/block⌋ ≤ ⌊q/block⌋.</summary>
    BlockCausal,

    /// <summary>Keys at its own and earlier positions: k ≤ q.</summary>
    Causal,
}

/// <summary>Sizes and mask of one attention call.</summary>
/// <param name="Batch">B: sequences.</param>
/// <param name="Length">L: rows of each sequence, padding included.</param>
/// <param name="Heads">H: query heads.</param>
/// <param name="KeyValueHeads">G: key/value heads, a divisor of H.</param>
/// <param name="HeadSize">D.</param>
/// <param name="Kind">Mask.</param>
/// <param name="BlockSize">Block of <see cref="AttentionKind.BlockCausal"/>; unused otherwise.</param>
/// <param name="ValidLengths">
/// Rows of each sequence that are not padding ([B]); keys behind them are masked. Null: all rows are valid.
/// </param>
/// <param name="Positions">
/// The positions of the query rows, ascending, with a batch of 1 and without a backward pass. Null: every position is a query.
/// </param>
/// <param name="Shadowed">
/// With full attention, a batch of 1 and without a backward pass: the last S of the L rows are shadows, each of the position given here,
/// below L − S. A shadow sees all other shadows and all positions but its own; the positions see no shadow. Null: there are none.
/// </param>
/// <param name="Window">
/// With causal attention and without padding: keys that a query sees, the one at its own position included, the others right before it
/// (sliding window). Null: all before it.
/// </param>
/// <param name="HasNoisyHalf">
/// With block-causal attention over all positions: the second half of the L rows is the first half once more, with noise (the training
/// layout of block diffusion, Arriola et al. 2025, section 3.2). A noisy row sees the noisy rows of its own block and the clean rows of
/// earlier blocks; a clean row sees clean rows only. <see cref="ValidLengths"/> then counts the rows of one half.
/// </param>
/// <param name="FirstRow">Of a part of a call (<see cref="AttentionPart"/>): the row of q and o where its query rows begin.</param>
/// <param name="FirstKeyRow">Likewise: the row of k and v where its keys begin.</param>
public readonly record struct AttentionShape(
    int Batch,
    int Length,
    int Heads,
    int KeyValueHeads,
    int HeadSize,
    AttentionKind Kind,
    int BlockSize = 1,
    int[]? ValidLengths = null,
    ReadOnlyMemory<int>? Positions = null,
    ReadOnlyMemory<int>? Shadowed = null,
    int? Window = null,
    bool HasNoisyHalf = false,
    int FirstRow = 0,
    int FirstKeyRow = 0)
{
    // L − S.
    private int Unshadowed => Length - (Shadowed?.Length ?? 0);

    /// <summary>M: query rows of each sequence.</summary>
    public int Queries => Positions?.Length ?? Length;

    /// <summary>
    /// Number of keys, counted from the first, that query row <paramref name="query"/> of sequence <paramref name="sequence"/> may see.
    /// </summary>
    public int VisibleKeys(int sequence, int query)
    {
        if (HasNoisyHalf)
        {
            int half = Length / 2;
            int end = Math.Min(ValidLengths?[sequence] ?? half, ((query % half / BlockSize) + 1) * BlockSize);
            return query < half ? end : half + end;
        }

        int valid = ValidLengths?[sequence] ?? Length;
        int position = Positions is { } positions ? positions.Span[query] : query;
        return Kind switch
        {
            AttentionKind.Full => query < Unshadowed ? Math.Min(valid, Unshadowed) : valid,
            AttentionKind.BlockCausal => Math.Min(valid, ((position / BlockSize) + 1) * BlockSize),
            _ => Math.Min(valid, position + 1),
        };
    }

    /// <summary>
    /// The first key that query row <paramref name="query"/> may see; keys from it up to <see cref="VisibleKeys"/> are visible.
    /// </summary>
    public int FirstKey(int query) =>
        Window is int window ? Math.Max(0, (Positions is { } positions ? positions.Span[query] : query) + 1 - window) : 0;

    /// <summary>
    /// The keys among the visible ones that query row <paramref name="query"/> of sequence <paramref name="sequence"/> may not see: from
    /// Start to before End.
    /// </summary>
    public (int Start, int End) HiddenKeys(int sequence, int query)
    {
        if (Shadowed is { } shadowed && query >= Unshadowed)
        {
            int shadow = shadowed.Span[query - Unshadowed];
            return (shadow, shadow + 1);
        }

        if (HasNoisyHalf && query >= Length / 2)
        {
            int half = Length / 2;
            int blockStart = (query - half) / BlockSize * BlockSize;
            return (Math.Min(ValidLengths?[sequence] ?? half, blockStart), half + blockStart); // clean padding is hidden as well
        }

        return (0, 0);
    }

    /// <summary>Throws unless the sizes are usable and every tensor has exactly the elements they ask for.</summary>
    internal void Check(Tensor q, Tensor k, Tensor v, Tensor o, Tensor logSumExp)
    {
        CheckPart(q, k, v, o, logSumExp);
        int rows = Batch * Queries;
        Expect.Floats(q, rows * Heads * HeadSize);
        Expect.Floats(k, Batch * Length * KeyValueHeads * HeadSize);
        Expect.Floats(v, Batch * Length * KeyValueHeads * HeadSize);
        Expect.Floats(o, rows * Heads * HeadSize);
        Expect.Floats(logSumExp, rows * Heads);
    }

    /// <summary>Throws unless the sizes are usable and every tensor has at least the elements they ask for.</summary>
    internal void CheckPart(Tensor q, Tensor k, Tensor v, Tensor o, Tensor logSumExp)
    {
        bool isNegative = FirstRow < 0 || FirstKeyRow < 0 || Batch < 0 || Length < 0;
        if (isNegative || Heads < 1 || KeyValueHeads < 1 || Heads % KeyValueHeads != 0 || HeadSize < 1 || BlockSize < 1)
        {
            throw new ArgumentException($"Unusable attention sizes: {this}.");
        }

        int rows = FirstRow + (Batch * Queries);
        int keyRows = FirstKeyRow + (Batch * Length);
        Expect.FloatsOrMore(q, rows * Heads * HeadSize);
        Expect.FloatsOrMore(k, keyRows * KeyValueHeads * HeadSize);
        Expect.FloatsOrMore(v, keyRows * KeyValueHeads * HeadSize);
        Expect.FloatsOrMore(o, rows * Heads * HeadSize);
        Expect.FloatsOrMore(logSumExp, rows * Heads);
        if (Positions is { } positions)
        {
            Expect.Length(Batch, 1, nameof(Batch));
            Expect.Indices(positions.Span, Length, nameof(Positions));
        }

        if (Window is int window && (Kind != AttentionKind.Causal || ValidLengths is not null || window < 1))
        {
            throw new ArgumentException($"A window needs causal attention without padding, and room for the query's own key: {this}.");
        }

        if (HasNoisyHalf && (Kind != AttentionKind.BlockCausal || Positions is not null || Length % 2 != 0))
        {
            throw new ArgumentException($"A noisy half needs block-causal attention over all positions of two equal halves: {this}.");
        }

        if (Shadowed is { } shadowed)
        {
            if (Batch != 1 || Kind != AttentionKind.Full || Positions is not null || ValidLengths is not null || shadowed.Length > Length)
            {
                throw new ArgumentException($"Shadows need full attention over one whole sequence: {this}.");
            }

            Expect.Indices(shadowed.Span, Unshadowed, nameof(Shadowed));
        }

        if (ValidLengths is not null)
        {
            Expect.Length(ValidLengths.Length, Batch, nameof(ValidLengths));
            Expect.Indices(ValidLengths, (HasNoisyHalf ? Length / 2 : Length) + 1, nameof(ValidLengths));
        }
    }
}

/// <summary>A sequence that shares a call with others; at inference only.</summary>
/// <param name="Keys">Keys of its positions, from row <see cref="AttentionShape.FirstKeyRow"/> on: [≥ L, G·D].</param>
/// <param name="Values">Values likewise.</param>
/// <param name="Shape">Sizes and mask, with a batch of 1 and the heads of all parts.</param>
public readonly record struct AttentionPart(Tensor Keys, Tensor Values, AttentionShape Shape);

/// <summary>Scaled dot-product attention without materialising all scores.</summary>
public interface IAttention
{
    /// <summary>
    /// How it rounds the operands of its products in a network that only runs, where those of the network's other products are rounded so:
    /// not at all unless a kernel says otherwise, for activations need not be, and attention is a small part of the work.
    /// </summary>
    /// <param name="products">Rounding of the operands of the network's other products.</param>
    MatMulPrecision PrecisionAtInference(MatMulPrecision products) => MatMulPrecision.F32;

    /// <summary>O = softmax(QKᵀ/√D + mask)·V.</summary>
    /// <param name="q">[B·M, H·D], M = L unless the shape chooses positions.</param>
    /// <param name="k">[B·L, G·D].</param>
    /// <param name="v">[B·L, G·D].</param>
    /// <param name="shape">Sizes and mask.</param>
    /// <param name="precision">Rounding of the operands of its products; <see cref="MatMulPrecision.F32"/> is the definition.</param>
    /// <param name="o">[B·M, H·D].</param>
    /// <param name="logSumExp">lse: [B·M, H].</param>
    void Forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, MatMulPrecision precision, Tensor o, Tensor logSumExp);

    /// <summary>O = softmax(QKᵀ/√D + mask)·V for each of several sequences.</summary>
    /// <param name="q">[ΣM, H·D], the rows of each part where its shape says.</param>
    /// <param name="parts">The sequences.</param>
    /// <param name="precision">Rounding of the operands of its products.</param>
    /// <param name="o">[ΣM, H·D].</param>
    /// <param name="logSumExp">lse: [ΣM, H].</param>
    void Forward(Tensor q, ReadOnlyMemory<AttentionPart> parts, MatMulPrecision precision, Tensor o, Tensor logSumExp);

    /// <summary>dQ += …, dK += …, dV += …; every position is a query.</summary>
    void Backward(
        Tensor dO,
        Tensor q,
        Tensor k,
        Tensor v,
        Tensor o,
        Tensor logSumExp,
        AttentionShape shape,
        MatMulPrecision precision,
        Tensor dQ,
        Tensor dK,
        Tensor dV);
}
