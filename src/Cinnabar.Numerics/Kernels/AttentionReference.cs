namespace Cinnabar.Numerics.Kernels;

/// <summary>The definition: one query row at a time, in double.</summary>
internal sealed class ReferenceAttention : IAttention
{
    public void Forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        shape.Check(q, k, v, o, logSumExp);
        ForwardPart(q, k, v, shape, o, logSumExp);
    }

    public void Forward(Tensor q, ReadOnlyMemory<AttentionPart> parts, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        foreach (AttentionPart part in parts.Span)
        {
            part.Shape.CheckPart(q, part.Keys, part.Values, o, logSumExp);
            ForwardPart(q, part.Keys, part.Values, part.Shape, o, logSumExp);
        }
    }

    private static void ForwardPart(Tensor q, Tensor k, Tensor v, AttentionShape shape, Tensor o, Tensor logSumExp) =>
        ForEachQuery(shape, at =>
        {
            double[] p = Scores(q, k, shape, at);
            double max = p.Length == 0 ? double.NegativeInfinity : p.Max();
            bool seesNothing = double.IsNegativeInfinity(max);
            double lse = seesNothing ? max : max + Math.Log(p.Sum(s => Math.Exp(s - max)));
            logSumExp.Floats[(at.Row * shape.Heads) + at.Head] = (float)lse;
            double[] sums = new double[shape.HeadSize];
            for (int j = 0; j < p.Length && !seesNothing; j++)
            {
                double weight = Math.Exp(p[j] - lse);
                Span<float> value = v.Floats.Slice(at.Key(j), shape.HeadSize);
                for (int d = 0; d < sums.Length; d++)
                {
                    sums[d] += weight * value[d];
                }
            }

            for (int d = 0; d < sums.Length; d++)
            {
                o.Floats[at.Query + d] = (float)sums[d];
            }
        });

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
        double[] sumQ = new double[q.Count];
        double[] sumK = new double[k.Count];
        double[] sumV = new double[v.Count];
        double scale = 1 / Math.Sqrt(shape.HeadSize);
        ForEachQuery(shape, at =>
        {
            double[] scores = Scores(q, k, shape, at);
            double lse = logSumExp.Floats[(at.Row * shape.Heads) + at.Head];
            (int first, int size) = (at.Query, shape.HeadSize);
            Span<float> gradient = dO.Floats.Slice(first, size);
            double delta = 0; // rowsum(dO ∘ O)
            for (int d = 0; d < size; d++)
            {
                delta += (double)gradient[d] * o.Floats[first + d];
            }

            bool seesNothing = double.IsNegativeInfinity(lse);
            for (int j = 0; j < scores.Length && !seesNothing; j++)
            {
                double p = Math.Exp(scores[j] - lse);
                double dP = 0;
                int firstOfKey = at.Key(j);
                Span<float> value = v.Floats.Slice(firstOfKey, size);
                for (int d = 0; d < size; d++)
                {
                    dP += (double)gradient[d] * value[d];
                    sumV[firstOfKey + d] += p * gradient[d];
                }

                double dS = p * (dP - delta) * scale;
                Span<float> query = q.Floats.Slice(first, size);
                Span<float> key = k.Floats.Slice(firstOfKey, size);
                for (int d = 0; d < size; d++)
                {
                    sumQ[first + d] += dS * key[d];
                    sumK[firstOfKey + d] += dS * query[d];
                }
            }
        });
        Add(sumQ, dQ);
        Add(sumK, dK);
        Add(sumV, dV);
    }

    private static void ForEachQuery(AttentionShape shape, Action<Place> body)
    {
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                for (int i = 0; i < shape.Queries; i++)
                {
                    body(new Place(shape, b, h, i));
                }
            }
        }
    }

    // q·k/√D for every key that the query may see.
    private static double[] Scores(Tensor q, Tensor k, AttentionShape shape, Place at)
    {
        double[] scores = new double[shape.VisibleKeys(at.Sequence, at.Index)];
        (int start, int end) = shape.HiddenKeys(at.Sequence, at.Index);
        Span<float> query = q.Floats.Slice(at.Query, shape.HeadSize);
        for (int j = 0; j < scores.Length; j++)
        {
            double dot = 0;
            Span<float> key = k.Floats.Slice(at.Key(j), query.Length);
            for (int d = 0; d < query.Length; d++)
            {
                dot += (double)query[d] * key[d];
            }

            bool hidden = j < shape.FirstKey(at.Index) || (j >= start && j < end);
            scores[j] = hidden ? double.NegativeInfinity : dot / Math.Sqrt(shape.HeadSize);
        }

        return scores;
    }

    private static void Add(double[] sums, Tensor d)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            d.Floats[i] += (float)sums[i];
        }
    }

    // One query row of one head: where its elements and those of its keys begin.
    private readonly record struct Place(AttentionShape Shape, int Sequence, int Head, int Index)
    {
        public int Row => Shape.FirstRow + (Sequence * Shape.Queries) + Index;

        public int Query => ((Row * Shape.Heads) + Head) * Shape.HeadSize;

        public int Key(int j)
        {
            int row = Shape.FirstKeyRow + (Sequence * Shape.Length) + j;
            return ((row * Shape.KeyValueHeads) + (Head / (Shape.Heads / Shape.KeyValueHeads))) * Shape.HeadSize;
        }
    }
}
