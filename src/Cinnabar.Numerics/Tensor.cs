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

    /// <summary>Of an Int8 tensor: the scale of each row, [Rows]; element (r, c) stands for Scales[r] · q[r, c]. Null otherwise.</summary>
    public Tensor? Scales { get; private init; }

    /// <summary>The raw bit patterns of a BF16 tensor.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not BF16.</exception>
    public Span<ushort> BFloat16Bits => new(BFloat16Pointer, Count);

    /// <summary>The stored bytes, little endian, of any element type.</summary>
    public Span<byte> Bytes => new(Start, checked(Count * SizeOf(Type)));

    internal byte* Start { get; }

    /// <summary>Elements there is room for.</summary>
    internal int Capacity { get; }

    internal float* FloatPointer => Type == DType.F32 ? (float*)Start : throw WrongType(DType.F32);

    internal ushort* BFloat16Pointer => Type == DType.BF16 ? (ushort*)Start : throw WrongType(DType.BF16);

    /// <summary>Makes a tensor of zeros.</summary>
    /// <param name="type">Element type.</param>
    /// <param name="shape">One to four sizes, each zero or more.</param>
    public static Tensor Zeros(DType type, params ReadOnlySpan<int> shape)
    {
        Check(shape);
        int bytes = checked((CountOf(shape) * SizeOf(type)) + Alignment);
        byte[] storage = GC.AllocateArray<byte>(bytes, pinned: true);
        byte* first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(storage));
        byte* aligned = (byte*)(((nuint)first + Alignment - 1) & ~(nuint)(Alignment - 1));
        return new Tensor(storage, aligned, type, shape)
        {
            Scales = type == DType.Int8 ? Zeros(CountOf(shape[..^1])) : null,
        };
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

        return new Tensor(_storage, Start, Type, shape) { Scales = Scales };
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
    /// A copy of the elements converted to <paramref name="type"/>. BF16 rounds to nearest, ties to even; Int8 rounds to multiples of
    /// the largest magnitude of each row / 127.
    /// </summary>
    public Tensor To(DType type)
    {
        Tensor result = Zeros(type, Shape);
        switch (Type, type)
        {
            case (DType.F32, DType.BF16): BFloat16.FromFloats(Floats, result.BFloat16Bits); break;
            case (DType.BF16, DType.F32): BFloat16.ToFloats(BFloat16Bits, result.Floats); break;
            case (_, DType.Int8) when Type != DType.Int8: (Type == DType.F32 ? this : To(DType.F32)).Quantize(result); break;
            case (DType.Int8, DType.F32): Dequantize(result.Floats); break;
            case (DType.Int8, DType.BF16): return To(DType.F32).To(DType.BF16);
            default:
                Bytes.CopyTo(result.Bytes);
                Scales?.Bytes.CopyTo(result.Scales!.Bytes);
                break;
        }

        return result;
    }

    private void Quantize(Tensor result)
    {
        const float Limit = 127;
        for (int row = 0; row < Rows; row++)
        {
            float max = PanelScales.LargestMagnitude(Row(row));
            (float scale, float inverse) = PanelScales.Of(max, Limit);
            result.Scales!.Floats[row] = scale;
            for (int column = 0; column < Columns; column++)
            {
                result.Bytes[(row * Columns) + column] = (byte)(sbyte)MathF.Round(Row(row)[column] * inverse);
            }
        }
    }

    private void Dequantize(Span<float> result)
    {
        for (int i = 0; i < Count; i++)
        {
            result[i] = (sbyte)Bytes[i] * Scales!.Floats[i / Columns];
        }
    }

    /// <summary>The shape as text, e.g. "[512, 384]".</summary>
    public string ShapeText() => $"[{string.Join(", ", Shape.ToArray())}]";

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {ShapeText()}";

    /// <summary>Bytes per element of <paramref name="type"/>.</summary>
    public static int SizeOf(DType type) => type switch
    {
        DType.F32 => sizeof(float),
        DType.BF16 => sizeof(ushort),
        _ => sizeof(sbyte),
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
