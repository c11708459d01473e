// From blocks to the integers that products multiply: the same that Int8 with one scale a row has,
//
//   q8 = round(x · inverse),  inverse = 1 / scale of the row,  scale = max |x| / 127         (PanelScales)
//
// x is made in F32 by the operations of the definition (IBlockLayout.Decode) in their order, without fused multiply-add, and rounded to
// nearest, ties to even: the same integers as Tensor.Quantize gives. Two ways:
//
//   4 bits in runs of 32   the 16 values that q can stand for become a table of 16 bytes by one vector of floats; a byte shuffle looks
//                          each q up: about a third of an instruction a value
//   others                 16 values at a time: widen, convert, multiply, round, narrow
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Blocks;

/// <summary>A type of blocks, whichever it is.</summary>
internal abstract unsafe class BlockType
{
    private static readonly BlockType?[] s_types =
    [
        null,
        null,
        null,
        null,
        new BlockType<LayoutQ4_0>(),
        new BlockType<LayoutQ4_1>(),
        new BlockType<LayoutQ5_0>(),
        new BlockType<LayoutQ5_1>(),
        new BlockType<LayoutQ8_0>(),
        new BlockType<LayoutQ2_K>(),
        new BlockType<LayoutQ3_K>(),
        new BlockType<LayoutQ4_K>(),
        new BlockType<LayoutQ5_K>(),
        new BlockType<LayoutQ6_K>(),
    ];

    /// <summary>Values in a block.</summary>
    public abstract int Size { get; }

    /// <summary>Bytes of a block.</summary>
    public abstract int Bytes { get; }

    /// <summary>The type of that name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The elements do not lie in blocks.</exception>
    public static BlockType Of(DType type) =>
        s_types[(int)type] ?? throw new ArgumentOutOfRangeException(nameof(type), type, "Expected a type of blocks.");

    /// <summary>The values of whole blocks.</summary>
    public abstract void Decode(ReadOnlySpan<byte> blocks, Span<float> values);

    /// <summary>The largest magnitude among <paramref name="count"/> values, NaN if any is.</summary>
    public abstract float LargestMagnitude(byte* blocks, int count);

    /// <summary>Rounds some values of some rows.</summary>
    /// <param name="blocks">The first of the blocks of the first row.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="count">Values of each row: whole blocks, at most 256 values.</param>
    /// <param name="next">Bytes to what will be rounded next, which is fetched meanwhile.</param>
    /// <param name="inverses">1 / scale of each row.</param>
    /// <param name="scratch">Any memory.</param>
    /// <param name="integers">Receives the integers of each row, 256 bytes behind those of the row before.</param>
    public abstract void Round(
        byte* blocks, nint stride, int rows, int count, nint next, float* inverses, UnpackedBlocks* scratch, sbyte* integers);
}

/// <inheritdoc/>
internal sealed unsafe class BlockType<TLayout> : BlockType
    where TLayout : struct, IBlockLayout
{
    private const int Lanes = 16;
    private const int Line = 64; // bytes of a cache line
    private const uint Magnitude = 0x7FFF_FFFF;

    public override int Size => TLayout.Size;

    public override int Bytes => TLayout.Bytes;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values) => TLayout.Decode(blocks, values);

    // Magnitudes compare like integers, with infinity and then NaN above all numbers.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float LargestMagnitude(byte* blocks, int count)
    {
        UnpackedBlocks unpacked;
        Vector512<uint> largest = default;
        for (int first = 0; first < count; first += UnpackedBlocks.MaxValues)
        {
            int values = Math.Min(UnpackedBlocks.MaxValues, count - first);
            TLayout.Unpack(blocks + ((nint)(first / TLayout.Size) * TLayout.Bytes), values, &unpacked);
            for (int i = 0; i < values; i += Lanes)
            {
                largest = Vector512.Max(largest, Values(&unpacked, i).AsUInt32() & Vector512.Create(Magnitude));
            }
        }

        uint max = 0;
        for (int lane = 0; lane < Lanes; lane++)
        {
            max = Math.Max(max, largest[lane]);
        }

        return BitConverter.UInt32BitsToSingle(max);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Round(
        byte* blocks, nint stride, int rows, int count, nint next, float* inverses, UnpackedBlocks* scratch, sbyte* integers)
    {
        int bytes = count / TLayout.Size * TLayout.Bytes;
        for (int row = 0; row < rows; row++)
        {
            byte* ofRow = blocks + (row * stride);
            for (int line = 0; Sse.IsSupported && line < bytes; line += Line)
            {
                Sse.Prefetch1(ofRow + next + line);
            }

            TLayout.Unpack(ofRow, count, scratch);
            sbyte* to = integers + ((nint)row * UnpackedBlocks.MaxValues);
            if (TLayout.Bits == 4 && TLayout.Run == 32)
            {
                LookUp(scratch, count, inverses[row], to);
            }
            else
            {
                Vector512<float> inverse = Vector512.Create(inverses[row]);
                for (int i = 0; i < count; i += Lanes)
                {
                    Rounded(Values(scratch, i) * inverse).Store(to + i);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LookUp(UnpackedBlocks* unpacked, int count, float inverse, sbyte* to)
    {
        Vector512<float> quants = Vector512.Create(0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
            - Vector512.Create((float)TLayout.Offset);
        Vector512<float> factor = Vector512.Create(inverse);
        for (int run = 0; run < count / TLayout.Run; run++)
        {
            Vector128<sbyte> table = Rounded(Scaled(quants, unpacked, run) * factor);
            Vector256<byte> places = Vector256.Load(unpacked->Quants + (run * TLayout.Run));
            Vector256<byte> found = Avx2.IsSupported
                ? Avx2.Shuffle(Vector256.Create(table, table).AsByte(), places)
                : Vector256.Create(
                    Vector128.Shuffle(table.AsByte(), places.GetLower()), Vector128.Shuffle(table.AsByte(), places.GetUpper()));
            found.AsSByte().Store(to + (run * TLayout.Run));
        }
    }

    // x of 16 values.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Values(UnpackedBlocks* unpacked, int first)
    {
        Vector512<int> quants = Widened(Vector128.Load(unpacked->Quants + first)) - Vector512.Create(TLayout.Offset);
        return Scaled(Vector512.ConvertToSingle(quants), unpacked, first / TLayout.Run);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scaled(Vector512<float> quants, UnpackedBlocks* unpacked, int run)
    {
        Vector512<float> scaled = quants * Vector512.Create(unpacked->Scales[run]);
        return TLayout.HasMinima ? scaled - Vector512.Create(unpacked->Minima[run]) : scaled;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widened(Vector128<byte> bytes)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512Int32(bytes);
        }

        (Vector128<ushort> lower, Vector128<ushort> upper) = Vector128.Widen(bytes);
        return Vector512.Create(
            Vector256.WidenLower(lower.ToVector256Unsafe()).AsInt32(), Vector256.WidenLower(upper.ToVector256Unsafe()).AsInt32());
    }

    // Ties to even. NaN, of a row whose scale is NaN too, becomes zero: the low byte of what the conversion makes of it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Rounded(Vector512<float> values)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector128SByte(Avx512F.ConvertToVector512Int32(values));
        }

        Vector256<int> lower = Vector256.ConvertToInt32Native(Vector256.Round(values.GetLower()));
        Vector256<int> upper = Vector256.ConvertToInt32Native(Vector256.Round(values.GetUpper()));
        Vector256<short> narrow = Vector256.Narrow(lower, upper);
        return Vector128.Narrow(narrow.GetLower(), narrow.GetUpper());
    }
}
