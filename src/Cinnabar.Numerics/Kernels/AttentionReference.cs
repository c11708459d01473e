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
            for (int d = 0; d < shape.HeadSize; d++)
            {
                double sum = 0;
                for (int j = 0; j < p.Length && !seesNothing; j++)
                {
                    sum += Math.Exp(p[j] - lse) * v.Floats[at.Key(j) + d];
                }

                o.Floats[at.Query + d] = (float)sum;
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
            double delta = 0; // rowsum(dO ∘ O)
            for (int d = 0; d < shape.HeadSize; d++)
            {
                delta += (double)dO.Floats[at.Query + d] * o.Floats[at.Query + d];
            }

            bool seesNothing = double.IsNegativeInfinity(lse);
            for (int j = 0; j < scores.Length && !seesNothing; j++)
            {
                double p = Math.Exp(scores[j] - lse);
                double dP = 0;
                for (int d = 0; d < shape.HeadSize; d++)
                {
                    dP += (double)dO.Floats[at.Query + d] * v.Floats[at.Key(j) + d];
                    sumV[at.Key(j) + d] += p * dO.Floats[at.Query + d];
                }

                double dS = p * (dP - delta) * scale;
                for (int d = 0; d < shape.HeadSize; d++)
                {
                    sumQ[at.Query + d] += dS * k.Floats[at.Key(j) + d];
                    sumK[at.Key(j) + d] += dS * q.Floats[at.Query + d];
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
        for (int j = 0; j < scores.Length; j++)
        {
            double dot = 0;
            for (int d = 0; d < shape.HeadSize; d++)
            {
                dot += (double)q.Floats[at.Query + d] * k.Floats[at.Key(j) + d];
            }

            (int start, int end) = shape.HiddenKeys(at.Sequence, at.Index);
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
