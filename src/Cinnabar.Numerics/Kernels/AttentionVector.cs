// Attention by matrix products over blocks of query rows. For one block of R rows and the n keys that its last row may see:
//   forward    S[R, n] = Q·Kᵀ;  P = exp(S/√D − max), sums in the same pass;  O = (P·V) / sum
//   backward   S[R, n] = Q·Kᵀ;  P = exp(S/√D − lse);  dP = dO·Vᵀ;  dS = P ∘ (dP − rowsum(dO ∘ O))/√D
//              dV += Pᵀ·dO;  dQ += dS·K;  dK += dSᵀ·Q
// Keys behind n are never read; keys that only some rows of the block may see, those before a row's window and hidden ones get P = 0. A
// block's scores stay in the second-level cache, and K and V are packed once for all blocks of a head that see the same keys. Forward
// items are (sequence, head), or one block of them where these are too few for the threads. Backward items are (sequence, key/value
// head): the query heads of a group and their blocks add to dK and dV in order, so no sum depends on the threads.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Attention with vector code around an <see cref="IMatMul"/>.</summary>
internal sealed unsafe class VectorAttention<TVec>(WorkerPool workers, IMatMul matMul) : IAttention
    where TVec : struct, ISimd<TVec>
{
    // Items per thread that even out unequal speeds.
    private const int ItemsPerThread = 3;

    [ThreadStatic]
    private static BlockMemory? t_memory;

    public void Forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        shape.Check(q, k, v, o, logSumExp);
        int itemsPerHead = shape.Batch * shape.Heads < ItemsPerThread * workers.Threads ? BlocksOf(shape.Queries) : 1;
        ForwardBody body = new(matMul, q, new AttentionPart(k, v, shape), precision, o, logSumExp, itemsPerHead);
        workers.For(shape.Batch * shape.Heads * itemsPerHead, grain: 1, body);
    }

    public void Forward(Tensor q, ReadOnlyMemory<AttentionPart> parts, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        int heads = parts.IsEmpty ? 0 : parts.Span[0].Shape.Heads;
        int mostQueries = 0;
        foreach (AttentionPart part in parts.Span)
        {
            part.Shape.CheckPart(q, part.Keys, part.Values, o, logSumExp);
            Expect.Length(part.Shape.Batch, 1, nameof(parts));
            Expect.Length(part.Shape.Heads, heads, nameof(parts));
            mostQueries = Math.Max(mostQueries, part.Shape.Queries);
        }

        int itemsPerHead = parts.Length * heads < ItemsPerThread * workers.Threads ? BlocksOf(mostQueries) : 1;
        workers.For(
            parts.Length * heads * itemsPerHead, grain: 1, new PartsBody(matMul, q, parts, precision, o, logSumExp, itemsPerHead));
    }

    public void Backward(
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
        Tensor dV)
    {
        shape.Check(q, k, v, o, logSumExp);
        shape.Check(dQ, dK, dV, dO, logSumExp);
        BackwardBody body = new(matMul, dO, q, k, v, o, logSumExp, shape, precision, dQ, dK, dV);
        workers.For(shape.Batch * shape.KeyValueHeads, grain: 1, body);
    }

    private static int BlocksOf(int queries) => (queries + AttentionBlock.MaxRows - 1) / AttentionBlock.MaxRows;

    // Far below any score: its exponential is nothing beside the largest one.
    private const float Hidden = -1e30f;

    // scores[i, j] becomes exp(scores[i, j]/√D − max); writes lse and, per row that sees a key, the sum still to be divided by.
    private static void Softmax(in AttentionBlock at, in Matrix scores, Tensor logSumExp, double* sums)
    {
        float scale = at.Scale;
        for (int i = 0; i < at.Rows; i++)
        {
            float* row = scores.Floats + ((long)i * scores.RowStride);
            if (at.SeesNothing(i))
            {
                new Span<float>(row, at.Keys).Clear();
                continue;
            }

            (int first, int visible) = (at.FirstKey(i), at.VisibleKeys(i));
            (int hidden, int hiddenEnd) = at.HiddenKeys(i);
            new Span<float>(row + hidden, hiddenEnd - hidden).Fill(Hidden);

            float max = Rows<TVec>.Max(row + first, visible - first) * scale;
            sums[i] = Rows<TVec>.Exp(row + first, visible - first, scale, max, row + first);
            new Span<float>(row, first).Clear();
            new Span<float>(row + visible, at.Keys - visible).Clear();
            logSumExp.FloatPointer[at.LogSumExp(i)] = (float)(max + Math.Log(sums[i]));
        }
    }

    // p: S on entry, P on return.  dS: dP on entry, dS on return.
    private static void ScoreGradients(in AttentionBlock at, in Matrix p, in Matrix dS, in Matrix dO, in Matrix o, Tensor logSumExp)
    {
        float scale = at.Scale;
        for (int i = 0; i < at.Rows; i++)
        {
            float* pRow = p.Floats + ((long)i * p.RowStride);
            float* dRow = dS.Floats + ((long)i * dS.RowStride);
            (int first, int visible) = (at.FirstKey(i), at.VisibleKeys(i));
            float lse = logSumExp.FloatPointer[at.LogSumExp(i)];
            float delta = (float)Rows<TVec>.Dot(dO.Floats + ((long)i * dO.RowStride), o.Floats + ((long)i * o.RowStride), dO.Columns);
            int j = first;
            for (; j <= visible - TVec.Width; j += TVec.Width)
            {
                ScoreGradient<TVec>(pRow + j, dRow + j, scale, lse, delta);
            }

            for (; j < visible; j++)
            {
                ScoreGradient<ScalarVector>(pRow + j, dRow + j, scale, lse, delta);
            }

            // With those cleared below, these are all keys of a row that sees none.
            (int hidden, int hiddenEnd) = at.HiddenKeys(i);
            new Span<float>(pRow + hidden, hiddenEnd - hidden).Clear();
            new Span<float>(dRow + hidden, hiddenEnd - hidden).Clear();
            new Span<float>(pRow, first).Clear();
            new Span<float>(dRow, first).Clear();
            new Span<float>(pRow + visible, at.Keys - visible).Clear();
            new Span<float>(dRow + visible, at.Keys - visible).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScoreGradient<V>(float* p, float* dS, float scale, float logSumExp, float delta)
        where V : struct, ISimd<V>
    {
        V probability = V.Exp(V.MultiplyAdd(V.Load(p), V.Broadcast(scale), V.Broadcast(-logSumExp)));
        V.Store(probability, p);
        V.Store(probability * V.Broadcast(scale) * (V.Load(dS) - V.Broadcast(delta)), dS);
    }

    // What comes of a row that sees no key.
    private static void NothingVisible(in AttentionBlock at, int i, in Matrix output, Tensor logSumExp)
    {
        new Span<float>(output.Floats + ((long)i * output.RowStride), output.Columns).Clear();
        logSumExp.FloatPointer[at.LogSumExp(i)] = float.NegativeInfinity;
    }

    // Item: (sequence, head), or every itemsPerHead-th block of it.
    private static void Forward(
        IMatMul matMul, Tensor q, in AttentionPart part, MatMulPrecision precision, Tensor o, Tensor logSumExp, int itemsPerHead, int item)
    {
        BlockMemory memory = t_memory ??= new BlockMemory();
        AttentionShape shape = part.Shape;
        int blocks = BlocksOf(shape.Queries);
        int head = item / itemsPerHead % shape.Heads;
        int packedKeys = 0;
        for (int block = item % itemsPerHead; block < blocks; block += itemsPerHead)
        {
            AttentionBlock at = new(shape, item / itemsPerHead / shape.Heads, head, block * AttentionBlock.MaxRows);
            if (at.Keys == 0)
            {
                for (int i = 0; i < at.Rows; i++)
                {
                    NothingVisible(at, i, at.Queries(o), logSumExp);
                }

                continue;
            }

            if (at.Keys != packedKeys)
            {
                packedKeys = at.Keys;
                matMul.Pack(at.KeysOf(part.Keys).Transposed, precision, ref memory.KeysTransposed);
                matMul.Pack(at.KeysOf(part.Values), precision, ref memory.Values);
            }

            Forward(matMul, q, at, memory, o, logSumExp);
        }
    }

    private static void Forward(IMatMul matMul, Tensor q, in AttentionBlock at, BlockMemory memory, Tensor o, Tensor logSumExp)
    {
        Matrix scores = at.Scores(Scratch.AtLeast(ref memory.Scores, at.ScoreCount));
        matMul.Multiply(at.Queries(q), memory.KeysTransposed!, scores, accumulate: false);
        double* sums = stackalloc double[AttentionBlock.MaxRows];
        Softmax(at, scores, logSumExp, sums);
        Matrix output = at.Queries(o);
        matMul.Multiply(scores, memory.Values!, output, accumulate: false);
        for (int i = 0; i < at.Rows; i++)
        {
            if (at.SeesNothing(i))
            {
                NothingVisible(at, i, output, logSumExp);
                continue;
            }

            Rows<TVec>.Scale(output.Floats + ((long)i * output.RowStride), output.Columns, (float)(1 / sums[i]));
        }
    }

    private readonly struct ForwardBody(
        IMatMul matMul, Tensor q, AttentionPart all, MatMulPrecision precision, Tensor o, Tensor logSumExp, int itemsPerHead) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int item = from; item < to; item++)
            {
                Forward(matMul, q, all, precision, o, logSumExp, itemsPerHead, item);
            }
        }
    }

    private readonly struct PartsBody(
        IMatMul matMul,
        Tensor q,
        ReadOnlyMemory<AttentionPart> parts,
        MatMulPrecision precision,
        Tensor o,
        Tensor logSumExp,
        int itemsPerHead) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int item = from; item < to; item++)
            {
                ref readonly AttentionPart part = ref parts.Span[item / itemsPerHead / parts.Span[0].Shape.Heads];
                Forward(matMul, q, part, precision, o, logSumExp, itemsPerHead, item % (itemsPerHead * part.Shape.Heads));
            }
        }
    }

    private readonly struct BackwardBody(
        IMatMul matMul,
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
        Tensor dV) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int item = from; item < to; item++)
            {
                Backward(item);
            }
        }

        private void Backward(int item)
        {
            BlockMemory memory = t_memory ??= new BlockMemory();
            int group = shape.Heads / shape.KeyValueHeads;
            int blocks = BlocksOf(shape.Length);
            int packedKeys = 0;
            for (int i = 0; i < group * blocks; i++)
            {
                int head = (item % shape.KeyValueHeads * group) + (i / blocks);
                AttentionBlock at = new(shape, item / shape.KeyValueHeads, head, i % blocks * AttentionBlock.MaxRows);
                if (at.Keys == 0)
                {
                    continue;
                }

                if (at.Keys != packedKeys)
                {
                    packedKeys = at.Keys;
                    matMul.Pack(at.KeysOf(k), precision, ref memory.Keys);
                    matMul.Pack(at.KeysOf(k).Transposed, precision, ref memory.KeysTransposed);
                    matMul.Pack(at.KeysOf(v).Transposed, precision, ref memory.ValuesTransposed);
                }

                Matrix p = at.Scores(Scratch.AtLeast(ref memory.Scores, at.ScoreCount));
                Matrix dS = at.Scores(Scratch.AtLeast(ref memory.ScoreGradients, at.ScoreCount));
                matMul.Multiply(at.Queries(q), memory.KeysTransposed!, p, accumulate: false);
                matMul.Multiply(at.Queries(dO), memory.ValuesTransposed!, dS, accumulate: false);
                ScoreGradients(at, p, dS, at.Queries(dO), at.Queries(o), logSumExp);
                matMul.Multiply(p.Transposed, at.Queries(dO), at.KeysOf(dV), accumulate: true, precision);
                matMul.Multiply(dS, memory.Keys!, at.Queries(dQ), accumulate: true);
                matMul.Multiply(dS.Transposed, at.Queries(q), at.KeysOf(dK), accumulate: true, precision);
            }
        }
    }

    /// <summary>Memory of one thread, which works on its own block.</summary>
    private sealed class BlockMemory
    {
        public Tensor? Scores;
        public Tensor? ScoreGradients;
        public PackedMatrix? Keys;
        public PackedMatrix? KeysTransposed;
        public PackedMatrix? Values;
        public PackedMatrix? ValuesTransposed;
    }
}
