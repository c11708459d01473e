// A shape and its storage.
//
// On the host storage is one pinned managed array whose first element is aligned to 64 bytes (a cache line, and a 512-bit register), so
// kernels may keep raw pointers for as long as they hold the Tensor, and nobody has to dispose anything. On a device it is that device's
// memory (TensorStorage). Elements are row-major and contiguous; strided sub-matrices are described by Matrix. The shape of a tensor
// never changes, but for those that a Workspace hands out again.
using Cinnabar.Numerics.Blocks;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics;

/// <summary>A dense, row-major, contiguous array of elements of one <see cref="DType"/> with a shape of one to four dimensions.</summary>
public sealed unsafe partial class Tensor
{
    private const int MaxDimensions = 4;

    // Of Int4: two zeros.
    private const byte ZeroNibbles = 0x88;

    private readonly int[] _sizes = new int[MaxDimensions];
    private int _dimensions;

    private Tensor(TensorStorage storage, DType type, ReadOnlySpan<int> shape)
    {
        Storage = storage;
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
    /// Of a tensor of blocks: [Rows], what products multiply the integers of a row with (<see cref="FitScales"/>). Null otherwise.
    /// </summary>
    public Tensor? Scales { get; private init; }

    /// <summary>
    /// Of a tensor of integers: neighbouring columns with a common scale, a divisor of Columns; Columns of a tensor of blocks; 0 otherwise.
    /// </summary>
    public int GroupSize { get; private init; }

    /// <summary>The raw bit patterns of a BF16 tensor.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not BF16.</exception>
    public Span<ushort> BFloat16Bits => new(BFloat16Pointer, Count);

    /// <summary>The stored bytes, little endian, of any element type.</summary>
    public Span<byte> Bytes => new(Start, checked((int)BytesOf(Type, Count)));

    /// <summary>The most bytes of a tensor: they lie in one array, with room to align the first.</summary>
    internal static int MostBytes => Array.MaxLength - TensorStorage.Alignment;

    internal TensorStorage Storage { get; }

    /// <summary>
    /// Whether only matrix products, those of attention among them, and the backward pass of what made it, read this tensor: a device may
    /// then hold it rounded for them.
    /// </summary>
    internal bool IsOperand { get; set; }

    /// <summary>Address on the host.</summary>
    internal byte* Start => Storage.Host;

    /// <summary>Elements there is room for.</summary>
    internal int Capacity { get; }

    internal float* FloatPointer => Type == DType.F32 ? (float*)Start : throw WrongType(DType.F32);

    internal ushort* BFloat16Pointer => Type == DType.BF16 ? (ushort*)Start : throw WrongType(DType.BF16);

    /// <summary>Makes a tensor of zeros.</summary>
    /// <param name="type">Element type.</param>
    /// <param name="shape">One to four sizes, each zero or more; the last a whole number of blocks.</param>
    public static Tensor Zeros(DType type, params ReadOnlySpan<int> shape) => Zeros(type, groupSize: shape.IsEmpty ? 0 : shape[^1], shape);

    /// <summary>Makes a tensor of integers, all zero, as are the scales.</summary>
    /// <param name="type">Int8 or Int4.</param>
    /// <param name="groupSize">Neighbouring columns with a common scale, a divisor of their number; even for Int4.</param>
    /// <param name="shape">One to four sizes.</param>
    /// <exception cref="ArgumentException">
    /// The groups do not divide the columns, or blocks do not; or no array holds so many bytes.
    /// </exception>
    public static Tensor Zeros(DType type, int groupSize, ReadOnlySpan<int> shape)
    {
        Check(shape);
        bool hasScales = type.IsInteger() || type.IsBlocks();
        int unit = type.IsBlocks() ? type.BlockSize() : type == DType.Int4 ? 2 : 1;
        bool fits = shape[^1] == 0 || (groupSize > 0 && shape[^1] % groupSize == 0 && groupSize % unit == 0);
        if (hasScales && (!fits || (type.IsBlocks() && groupSize != shape[^1])))
        {
            throw new ArgumentException($"Groups of {groupSize} {type} do not divide rows of {shape[^1]}.", nameof(groupSize));
        }

        long bytes = BytesOf(type, CountOf(shape));
        if (bytes > MostBytes)
        {
            throw new ArgumentException(
                $"Expected a tensor of at most {MostBytes:N0} bytes, found {type} {TextOf(shape)} of {bytes:N0}.", nameof(shape));
        }

        TensorStorage storage = new((int)bytes, type == DType.Int4 ? ZeroNibbles : (byte)0);
        return new Tensor(storage, type, shape)
        {
            Scales = hasScales ? Zeros(CountOf(shape) / Math.Max(1, groupSize)) : null,
            GroupSize = hasScales ? groupSize : 0,
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
        return new Tensor(new TensorStorage(start, checked((int)BytesOf(type, CountOf(shape)))), type, shape);
    }

    /// <summary>The same elements under another shape of equal or smaller size; writing through one is seen by the other.</summary>
    public Tensor View(params ReadOnlySpan<int> shape)
    {
        Check(shape);
        if (CountOf(shape) > Count)
        {
            throw new ArgumentException(
                $"A view of shape {TextOf(shape)} needs more elements than the {ShapeText()} it looks into.");
        }

        return new Tensor(Storage, Type, shape) { Scales = Scales, GroupSize = GroupSize, IsOperand = IsOperand };
    }

    /// <summary>Makes every element of an F32 or BF16 tensor zero.</summary>
    public void Clear()
    {
        if (BytesOf(Type, Count) < Storage.Bytes && !Storage.IsTransient)
        {
            new Span<byte>(Start, checked((int)BytesOf(Type, Count))).Clear();
        }
        else
        {
            Storage.Clear();
        }
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

    /// <summary>The shape as text, e.g. "[512, 384]".</summary>
    public string ShapeText() => TextOf(Shape);

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {ShapeText()}";

    /// <summary>Bytes that <paramref name="count"/> elements of <paramref name="type"/> take, scales of rows and groups left out.</summary>
    public static long BytesOf(DType type, long count) => type switch
    {
        DType.F32 => count * sizeof(float),
        DType.BF16 => count * sizeof(ushort),
        DType.Int8 => count,
        DType.Int4 => (count + 1) / 2,
        _ => count / type.BlockSize() * type.BlockBytes(),
    };

    /// <summary>Elements of a tensor of this shape.</summary>
    /// <exception cref="ArgumentException">They are more than can be counted.</exception>
    internal static int CountOf(ReadOnlySpan<int> shape)
    {
        long count = 1;
        foreach (int size in shape)
        {
            count *= size;
            if (count > int.MaxValue)
            {
                throw new ArgumentException(
                    $"Expected a tensor of at most {int.MaxValue:N0} elements, found {TextOf(shape)}.", nameof(shape));
            }
        }

        return checked((int)count);
    }

    private static string TextOf(ReadOnlySpan<int> shape) => $"[{string.Join(", ", shape.ToArray())}]";

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
