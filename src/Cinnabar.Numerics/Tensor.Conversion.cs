// From one element type to another.
using Cinnabar.Numerics.Blocks;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics;

public sealed unsafe partial class Tensor
{
    private const int ConvertedAtOnce = 1 << 16;

    // Of Int4: what is added to a value.
    private const int NibbleOffset = 8;

    private const int Int8Limit = 127;
    private const int Int4Limit = 7;

    /// <summary>
    /// A copy of the elements converted to <paramref name="type"/>. BF16 rounds to nearest, ties to even; Int8 and Int4 as
    /// <see cref="Quantize(DType, int)"/> with one group a row.
    /// </summary>
    /// <exception cref="NotSupportedException">Nothing but the same blocks becomes blocks.</exception>
    public Tensor To(DType type)
    {
        if (type.IsInteger())
        {
            return Quantize(type, Columns);
        }

        if (type.IsBlocks() && type != Type)
        {
            throw new NotSupportedException($"Expected a tensor of {type}, which nothing is converted to, found {this}.");
        }

        Tensor result = Zeros(type, Shape);
        switch (Type, type)
        {
            case (>= DType.Q4_0, DType.F32): Parallel.For(0, Rows, row => DecodeRow(row, result.Row(row))); break;
            case (>= DType.Q4_0, DType.BF16): return To(DType.F32).To(type);
            case (DType.F32, DType.BF16): BFloat16.FromFloats(Floats, result.BFloat16Bits); break;
            case (DType.BF16, DType.F32): BFloat16.ToFloats(BFloat16Bits, result.Floats); break;
            case (DType.Int8 or DType.Int4, DType.F32): Dequantize(0, result.Floats); break;
            case (DType.Int8 or DType.Int4, _): return To(DType.F32).To(type);
            default:
                Bytes.CopyTo(result.Bytes);
                Scales?.Bytes.CopyTo(result.Scales!.Bytes);
                break;
        }

        return result;
    }

    /// <summary>
    /// A copy rounded to integers: multiples of the largest magnitude of each group of columns / 127 (Int8) or / 7 (Int4). A tensor of
    /// integers with the same groups keeps its scales, and its integers where they fit. With one group a row, a tensor of blocks becomes
    /// what products see in it.
    /// </summary>
    /// <param name="type">Int8 or Int4.</param>
    /// <param name="groupSize">Columns with a common scale.</param>
    public Tensor Quantize(DType type, int groupSize)
    {
        Tensor result = Zeros(type, groupSize, Shape);
        if (Type.IsBlocks() && groupSize % Type.BlockSize() != 0)
        {
            return To(DType.F32).Quantize(type, groupSize);
        }

        if (Type.IsInteger() && GroupSize == groupSize && (type == Type || type == DType.Int8))
        {
            CopyIntegers(result);
            return result;
        }

        int groups = result.Scales!.Count;
        int share = Math.Max(1, ConvertedAtOnce / Math.Max(1, groupSize));
        Parallel.For(0, (groups + share - 1) / share, i => QuantizeGroups(result, i * share, Math.Min(groups, (i + 1) * share)));
        return result;
    }

    /// <summary>
    /// Of a tensor of blocks: makes the scale of some rows their largest magnitude / 127. To be called when <see cref="Bytes"/> changed.
    /// </summary>
    /// <param name="first">The first row.</param>
    /// <param name="count">Rows.</param>
    /// <exception cref="InvalidOperationException">The elements do not lie in blocks.</exception>
    public void FitScales(int first, int count)
    {
        if (!Type.IsBlocks())
        {
            throw new InvalidOperationException($"Expected a tensor of blocks, found {this}.");
        }

        BlockType type = BlockType.Of(Type);
        nint rowBytes = (nint)BytesOf(Type, Columns);
        Span<float> scales = Scales!.Floats.Slice(first, count);
        for (int i = 0; i < count; i++)
        {
            scales[i] = PanelScales.Of(type.LargestMagnitude(Start + ((first + i) * rowBytes), Columns), Int8Limit).Scale;
        }
    }

    /// <summary>The exact values of a row of a tensor of blocks.</summary>
    internal void DecodeRow(int row, Span<float> values)
    {
        int bytes = (int)BytesOf(Type, Columns);
        BlockTypes.Decode(Type, new ReadOnlySpan<byte>(Start + ((nint)row * bytes), bytes), values);
    }

    /// <summary>Integer <paramref name="index"/> of a tensor of integers, without its scale.</summary>
    internal int Integer(int index) => Type == DType.Int8
        ? (sbyte)Start[index]
        : ((Start[index / 2] >> (4 * (index % 2))) & 0xF) - NibbleOffset;

    private void SetInteger(int index, int value)
    {
        if (Type == DType.Int8)
        {
            Start[index] = (byte)(sbyte)value;
            return;
        }

        int shift = 4 * (index % 2);
        Start[index / 2] = (byte)((Start[index / 2] & ~(0xF << shift)) | ((value + NibbleOffset) << shift));
    }

    private void CopyIntegers(Tensor result)
    {
        Scales!.Bytes.CopyTo(result.Scales!.Bytes);
        for (int i = 0; i < Count; i++)
        {
            result.SetInteger(i, Integer(i));
        }
    }

    private void Dequantize(int first, Span<float> result)
    {
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Integer(first + i) * Scales!.Floats[(first + i) / GroupSize];
        }
    }

    // Group by group: the whole tensor in F32 would take four times the memory of the result, or eight.
    private void QuantizeGroups(Tensor result, int from, int to)
    {
        int size = result.GroupSize;
        float[] buffer = new float[size];
        int limit = result.Type == DType.Int8 ? Int8Limit : Int4Limit;
        for (int group = from; group < to; group++)
        {
            Span<float> values = Widened(group * size, buffer);
            (float scale, float inverse) = PanelScales.Of(PanelScales.LargestMagnitude(values), limit);
            result.Scales!.Floats[group] = scale;
            for (int i = 0; i < size; i++)
            {
                result.SetInteger((group * size) + i, (int)MathF.Round(values[i] * inverse));
            }
        }
    }

    // Elements from `first` on as F32, as many as the buffer holds; in the buffer unless they are F32 already.
    private Span<float> Widened(int first, float[] buffer)
    {
        switch (Type)
        {
            case DType.F32: return Floats.Slice(first, buffer.Length);
            case DType.BF16: BFloat16.ToFloats(BFloat16Bits.Slice(first, buffer.Length), buffer); break;
            case >= DType.Q4_0:
                int bytes = (int)BytesOf(Type, buffer.Length);
                BlockTypes.Decode(Type, new ReadOnlySpan<byte>(Start + BytesOf(Type, first), bytes), buffer);
                break;
            default: Dequantize(first, buffer); break;
        }

        return buffer;
    }
}
