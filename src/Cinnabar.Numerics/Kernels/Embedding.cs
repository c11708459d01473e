// Row lookup: Y[i, :] = E[ids[i], :]. Backward: dE[ids[i], :] += dY[i, :].
// Serves the token embedding (E = table) and the choice of rows before the language-model head (E = hidden states).
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Row lookup and its gradient.</summary>
public interface IEmbedding
{
    /// <summary>Y[i, :] = E[ids[i], :].</summary>
    /// <param name="table">E: [V, C], of any type.</param>
    /// <param name="ids">Row numbers, each in 0 … V − 1.</param>
    /// <param name="y">[ids.Length, C].</param>
    void Forward(Tensor table, ReadOnlySpan<int> ids, Tensor y);

    /// <summary>dE[ids[i], :] += dY[i, :]; repeated ids add up in order of i.</summary>
    void Backward(Tensor dY, ReadOnlySpan<int> ids, Tensor dTable);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceEmbedding : IEmbedding
{
    public void Forward(Tensor table, ReadOnlySpan<int> ids, Tensor y)
    {
        int columns = table.Columns;
        Expect.Floats(y, ids.Length * columns);
        Expect.Indices(ids, table.Rows, nameof(ids));
        for (int i = 0; i < ids.Length; i++)
        {
            Span<float> row = y.Floats.Slice(i * columns, columns);
            switch (table.Type)
            {
                case DType.F32: table.Row(ids[i]).CopyTo(row); break;
                case DType.BF16: BFloat16.ToFloats(table.BFloat16Bits.Slice(ids[i] * columns, columns), row); break;
                case DType type when type.IsBlocks(): table.DecodeRow(ids[i], row); break;
                default:
                    for (int c = 0; c < columns; c++)
                    {
                        row[c] = table.Integer((ids[i] * columns) + c) * table.Scales!.Floats[((ids[i] * columns) + c) / table.GroupSize];
                    }

                    break;
            }
        }
    }

    public void Backward(Tensor dY, ReadOnlySpan<int> ids, Tensor dTable)
    {
        int columns = dTable.Columns;
        Expect.Floats(dY, ids.Length * columns);
        Expect.Indices(ids, dTable.Rows, nameof(ids));
        for (int i = 0; i < ids.Length; i++)
        {
            Span<float> row = dTable.Row(ids[i]);
            for (int c = 0; c < columns; c++)
            {
                row[c] += dY.Floats[(i * columns) + c];
            }
        }
    }
}

/// <summary>
/// Forward is split by row. Backward is split by column: one item adds every row to its own columns in order of i, so that
/// repeated ids neither race nor add up in another order.
/// </summary>
internal sealed unsafe class VectorEmbedding<TVec>(WorkerPool workers) : IEmbedding
    where TVec : struct, ISimd<TVec>
{
    private const int RowGrain = 32;
    private const int ColumnGrain = 64;

    public void Forward(Tensor table, ReadOnlySpan<int> ids, Tensor y)
    {
        int columns = table.Columns;
        Expect.Floats(y, ids.Length * columns);
        Expect.Indices(ids, table.Rows, nameof(ids));
        fixed (int* rows = ids)
        {
            workers.For(ids.Length, RowGrain, new ForwardBody(table, rows, y));
        }
    }

    public void Backward(Tensor dY, ReadOnlySpan<int> ids, Tensor dTable)
    {
        int columns = dTable.Columns;
        Expect.Floats(dY, ids.Length * columns);
        Expect.Indices(ids, dTable.Rows, nameof(ids));
        fixed (int* rows = ids)
        {
            workers.For(columns, ColumnGrain, new BackwardBody(dY, rows, ids.Length, dTable));
        }
    }

    private static void Widen(Tensor integers, int first, float* destination, int count)
    {
        for (int i = 0; i < count;)
        {
            int group = (first + i) / integers.GroupSize;
            int end = Math.Min(count, ((group + 1) * integers.GroupSize) - first);
            float scale = integers.Scales!.FloatPointer[group];
            for (; i < end; i++)
            {
                destination[i] = integers.Integer(first + i) * scale;
            }
        }
    }

    private static void Widen(ushort* source, float* destination, int count)
    {
        int i = 0;
        for (; i <= count - TVec.Width; i += TVec.Width)
        {
            TVec.Store(TVec.LoadBFloat16(source + i), destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = BFloat16.ToFloat(source[i]);
        }
    }

    private readonly struct ForwardBody(Tensor table, int* ids, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = table.Columns;
            float* destination = y.FloatPointer + ((long)from * columns);
            for (int i = from; i < to; i++, destination += columns)
            {
                long first = (long)ids[i] * columns;
                switch (table.Type)
                {
                    case DType.F32: table.Row(ids[i]).CopyTo(new Span<float>(destination, columns)); break;
                    case DType.BF16: Widen(table.BFloat16Pointer + first, destination, columns); break;
                    case DType type when type.IsBlocks(): table.DecodeRow(ids[i], new Span<float>(destination, columns)); break;
                    default: Widen(table, (int)first, destination, columns); break;
                }
            }
        }
    }

    private readonly struct BackwardBody(Tensor dY, int* ids, int count, Tensor dTable) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = dTable.Columns;
            for (int i = 0; i < count; i++)
            {
                float* source = dY.FloatPointer + ((long)i * columns);
                float* destination = dTable.FloatPointer + ((long)ids[i] * columns);
                int c = from;
                for (; c <= to - TVec.Width; c += TVec.Width)
                {
                    TVec.Store(TVec.Load(destination + c) + TVec.Load(source + c), destination + c);
                }

                for (; c < to; c++)
                {
                    destination[c] += source[c];
                }
            }
        }
    }
}
