namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class EmbeddingTests
{
    private const int Vocabulary = 50;

    [CudaFact]
    public void Forward_OfF32() => Comparison.OnAllShapes("Embedding of F32", 0, (table, samples, shape) =>
        Forward(table, samples, shape, samples.Normal(1, Vocabulary, shape.Columns)));

    [CudaFact]
    public void Forward_OfBF16() => Comparison.OnAllShapes("Embedding of BF16", 0, (table, samples, shape) =>
        Forward(table, samples, shape, samples.Normal(1, Vocabulary, shape.Columns).To(DType.BF16)));

    [CudaFact]
    public void Forward_OfIntegersAndBlocks() => Comparison.On(
        "Embedding", 0, [DType.Int8, DType.Int4, DType.Q8_0], (table, samples, type) =>
        {
            Tensor values = samples.Stored(type, Vocabulary, 96);
            return Forward(table, samples, new Shape(30, 96), values);
        });

    // Segments of 64 rows: ids with fewer, with as many, with one more and with hundreds of them.
    [CudaFact]
    public void Backward_OfRepeatedIds() => Comparison.OnAllShapes("Embedding backward", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor dTable = samples.Normal(1, Vocabulary, shape.Columns);
        table.Embedding.Backward(samples.Normal(1, shape.Rows, shape.Columns), samples.Ids(shape.Rows, Vocabulary), dTable);
        return [new("dTable", dTable)];
    });

    [CudaFact]
    public void Backward_AtTheEdgesOfSegments() => Comparison.On(
        "Embedding backward of so often the same id", Comparison.Exact, [63, 64, 65, 128, 129, 1_000], (table, samples, count) =>
        {
            int[] ids = [3, .. Enumerable.Repeat(7, count), 3, 49];
            Tensor dTable = samples.Normal(1, Vocabulary, 40);
            table.Embedding.Backward(samples.Normal(1, ids.Length, 40), ids, dTable);
            table.Embedding.Backward(samples.Normal(1, ids.Length, 40), ids, dTable);
            return [new("dTable", dTable)];
        });

    private static Output[] Forward(KernelTable table, Samples samples, Shape shape, Tensor values)
    {
        Tensor y = Tensor.Zeros(shape.Rows, shape.Columns);
        table.Embedding.Forward(values, samples.Ids(shape.Rows, Vocabulary), y);
        return [new("y", y)];
    }
}
