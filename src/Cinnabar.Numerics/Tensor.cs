// A shape and its storage.
//
// Storage is one pinned managed array whose first element is aligned to 64 bytes (a cache line, and a 512-bit register), so
// kernels may keep raw pointers for as long as they hold the Tensor, and nobody has to dispose anything. Elements are
// row-major and contiguous; strided sub-matrices are described by Matrix. The shape of a tensor never changes, but for those that a
// Workspace hands out again.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics;

/// <summary>A dense, row-major, contiguous array of elements of one <see cref="DType"/> with a shape of one to four dimensions.</summary>
public sealed unsafe class Tensor
{
    private const int Alignment = 64;
    private const int MaxDimensions = 4;
    private const int QuantizedAtOnce = 1 << 16;

    // Of Int4: what is added to a value, and two zeros.
    private const int NibbleOffset = 8;
    private const byte ZeroNibbles = 0x88;

    private readonly byte[] _storage;
    private readonly int[] _sizes = new int[MaxDimensions];
    private int _dimensions;

    private Tensor(byte[] storage, byte* start, DType type, ReadOnlySpan<int> shape)
    {
        _storage = storage;
        Start = start;
        Type = type;
        Capacity = CountOf(shape);
        Reshape(shape);
    }

    /// <summary>Element type.</summary>
    public DType Type { get; }

    /// <summary>Sizes of the dimensions, slowest first.</summary>
    public ReadOnlySpan<int> Shape => _sizes.AsSpan(0, _dimensions);

    /// <summary>Number of elements.</summary>
    public int Count { get; private set; }

    /// <summary>Size of the last dimension.</summary>
    public int Columns => Shape[^1];

    /// <summary>Product of all dimensions but the last.</summary>
    public int Rows => CountOf(Shape[..^1]);

    /// <summary>The elements of an F32 tensor.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not F32.</exception>
    public Span<float> Floats => new(FloatPointer, Count);

    /// <summary>
    /// Of a tensor of integers: [Rows · Columns / GroupSize]; element (r, c) stands for Scales[(r · Columns + c) / GroupSize] · q[r, c].
    /// Null otherwise.
    /// </summary>
    public Tensor? Scales { get; private init; }

    /// <summary>Of a tensor of integers: neighbouring columns with a common scale, a divisor of Columns; 0 otherwise.</summary>
    public int GroupSize { get; private init; }

    /// <summary>The raw bit patterns of a BF16 tensor.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not BF16.</exception>
    public Span<ushort> BFloat16Bits => new(BFloat16Pointer, Count);

    /// <summary>The stored bytes, little endian, of any element type.</summary>
    public Span<byte> Bytes => new(Start, checked((int)BytesOf(Type, Count)));

    internal byte* Start { get; }

    /// <summary>Elements there is room for.</summary>
    internal int Capacity { get; }

    internal float* FloatPointer => Type == DType.F32 ? (float*)Start : throw WrongType(DType.F32);

    internal ushort* BFloat16Pointer => Type == DType.BF16 ? (ushort*)Start : throw WrongType(DType.BF16);

    /// <summary>Makes a tensor of zeros.</summary>
    /// <param name="type">Element type.</param>
    /// <param name="shape">One to four sizes, each zero or more.</param>
    public static Tensor Zeros(DType type, params ReadOnlySpan<int> shape) => Zeros(type, groupSize: shape.IsEmpty ? 0 : shape[^1], shape);

    /// <summary>Makes a tensor of integers, all zero, as are the scales.</summary>
    /// <param name="type">Int8 or Int4.</param>
    /// <param name="groupSize">Neighbouring columns with a common scale, a divisor of their number; even for Int4.</param>
    /// <param name="shape">One to four sizes.</param>
    /// <exception cref="ArgumentException">The groups do not divide the columns.</exception>
    public static Tensor Zeros(DType type, int groupSize, ReadOnlySpan<int> shape)
    {
        Check(shape);
        bool isInteger = type.IsInteger();
        bool fits = shape[^1] == 0 || (groupSize > 0 && shape[^1] % groupSize == 0 && (type != DType.Int4 || groupSize % 2 == 0));
        if (isInteger && !fits)
        {
            throw new ArgumentException($"Groups of {groupSize} {type} do not divide rows of {shape[^1]}.", nameof(groupSize));
        }

        int bytes = checked((int)BytesOf(type, CountOf(shape)) + Alignment);
        byte[] storage = GC.AllocateArray<byte>(bytes, pinned: true);
        byte* first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(storage));
        byte* aligned = (byte*)(((nuint)first + Alignment - 1) & ~(nuint)(Alignment - 1));
        Tensor tensor = new(storage, aligned, type, shape)
        {
            Scales = isInteger ? Zeros(CountOf(shape) / Math.Max(1, groupSize)) : null,
            GroupSize = isInteger ? groupSize : 0,
        };
        if (type == DType.Int4)
        {
            tensor.Bytes.Fill(ZeroNibbles);
        }

        return tensor;
    }

    /// <summary>Makes an F32 tensor of zeros.</summary>
    public static Tensor Zeros(params ReadOnlySpan<int> shape) => Zeros(DType.F32, shape);

    /// <summary>Makes an F32 tensor holding a copy of <paramref name="values"/>.</summary>
    public static Tensor From(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        Tensor tensor = Zeros(DType.F32, shape);
        if (values.Length != tensor.Count)
        {
            throw new ArgumentException($"{values.Length} values do not fill a tensor of shape {tensor.ShapeText()}.", nameof(values));
        }

        values.CopyTo(tensor.Floats);
        return tensor;
    }

    /// <summary>A tensor over memory that the caller keeps: for tests that place a buffer against a guard page.</summary>
    internal static Tensor OverForeignMemory(byte* start, DType type, params ReadOnlySpan<int> shape)
    {
        Check(shape);
        return new Tensor([], start, type, shape);
    }

    /// <summary>The same elements under another shape of equal or smaller size; writing through one is seen by the other.</summary>
    public Tensor View(params ReadOnlySpan<int> shape)
    {
        Check(shape);
        if (CountOf(shape) > Count)
        {
            throw new ArgumentException(
                $"A view of shape [{string.Join(", ", shape.ToArray())}] needs more elements than the {ShapeText()} it looks into.");
        }

        return new Tensor(_storage, Start, Type, shape) { Scales = Scales, GroupSize = GroupSize };
    }

    /// <summary>Changes the shape to one of at most <see cref="Capacity"/> elements: for an owner whom nobody else knows.</summary>
    internal void Reshape(ReadOnlySpan<int> shape)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(CountOf(shape), Capacity, nameof(shape));
        shape.CopyTo(_sizes);
        _dimensions = shape.Length;
        Count = CountOf(shape);
    }

    /// <summary>Row <paramref name="row"/> of an F32 tensor seen as [Rows, Columns].</summary>
    public Span<float> Row(int row) => Floats.Slice(row * Columns, Columns);

    /// <summary>The whole tensor as a [Rows, Columns] matrix.</summary>
    public Matrix AsMatrix() => new(this, 0, Rows, Columns, Columns, 1);

    /// <summary>
    /// A copy of the elements converted to <paramref name="type"/>. BF16 rounds to nearest, ties to even; Int8 and Int4 as
    /// <see cref="Quantize(DType, int)"/> with one group a row.
    /// </summary>
    public Tensor To(DType type)
    {
        if (type.IsInteger())
        {
            return Quantize(type, Columns);
        }

        Tensor result = Zeros(type, Shape);
        switch (Type, type)
        {
            case (DType.F32, DType.BF16): BFloat16.FromFloats(Floats, result.BFloat16Bits); break;
            case (DType.BF16, DType.F32): BFloat16.ToFloats(BFloat16Bits, result.Floats); break;
            case (DType.Int8 or DType.Int4, DType.F32): Dequantize(0, result.Floats); break;
            case (DType.Int8 or DType.Int4, _): return To(DType.F32).To(type);
            default: Bytes.CopyTo(result.Bytes); break;
        }

        return result;
    }

    /// <summary>
    /// A copy rounded to integers: multiples of the largest magnitude of each group of columns / 127 (Int8) or / 7 (Int4). A tensor of
    /// integers with the same groups keeps its scales, and its integers where they fit.
    /// </summary>
    /// <param name="type">Int8 or Int4.</param>
    /// <param name="groupSize">Columns with a common scale.</param>
    public Tensor Quantize(DType type, int groupSize)
    {
        Tensor result = Zeros(type, groupSize, Shape);
        if (Scales is not null && GroupSize == groupSize && (type == Type || type == DType.Int8))
        {
            CopyIntegers(result);
            return result;
        }

        int groups = result.Scales!.Count;
        int share = Math.Max(1, QuantizedAtOnce / Math.Max(1, groupSize));
        Parallel.For(0, (groups + share - 1) / share, i => QuantizeGroups(result, i * share, Math.Min(groups, (i + 1) * share)));
        return result;
    }

    /// <summary>A copy of some rows, in the order given, with their scales.</summary>
    /// <param name="rows">Row numbers of the tensor seen as [Rows, Columns].</param>
    /// <returns>[rows.Length, Columns] of the same type.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public Tensor SelectRows(ReadOnlySpan<int> rows)
    {
        Expect.Indices(rows, Rows, nameof(rows));
        Tensor result = Zeros(Type, GroupSize, [rows.Length, Columns]);
        int bytes = (int)BytesOf(Type, Columns);
        int scales = GroupSize == 0 ? 0 : Columns / GroupSize;
        for (int i = 0; i < rows.Length; i++)
        {
            Bytes.Slice(rows[i] * bytes, bytes).CopyTo(result.Bytes[(i * bytes)..]);
            Scales?.Floats.Slice(rows[i] * scales, scales).CopyTo(result.Scales!.Floats[(i * scales)..]);
        }

        return result;
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
        int limit = result.Type == DType.Int8 ? 127 : 7;
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
            default: Dequantize(first, buffer); break;
        }

        return buffer;
    }

    /// <summary>The shape as text, e.g. "[512, 384]".</summary>
    public string ShapeText() => $"[{string.Join(", ", Shape.ToArray())}]";

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {ShapeText()}";

    /// <summary>Bytes that <paramref name="count"/> elements of <paramref name="type"/> take, scales left out.</summary>
    public static long BytesOf(DType type, long count) => type switch
    {
        DType.F32 => count * sizeof(float),
        DType.BF16 => count * sizeof(ushort),
        DType.Int8 => count,
        _ => (count + 1) / 2,
    };

    private static int CountOf(ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int size in shape)
        {
            count = checked(count * size);
        }

        return count;
    }

    private static void Check(ReadOnlySpan<int> shape)
    {
        if (shape.Length is < 1 or > MaxDimensions)
        {
            throw new ArgumentException($"A tensor has one to four dimensions, found {shape.Length}.", nameof(shape));
        }

        foreach (int size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
        }
    }

    private InvalidOperationException WrongType(DType expected) => new($"Expected a tensor of {expected}, found {this}.");
}
