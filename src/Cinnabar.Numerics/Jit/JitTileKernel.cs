// The assembled tile kernels of one instruction: one function for every number of rows and registers up to the full tile, so that
// incomplete tiles cost only what they compute. Columns behind the last one are masked in the last register. Code stays until the process
// ends and knows nothing of who runs it, so each shape is assembled once for all.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Jit;

/// <summary>A tile kernel in machine code.</summary>
internal sealed unsafe class JitTileKernel : TileKernel
{
    private const int FunctionAlignment = 64;

    private const int LanesOfAvx2 = 8;

    private static readonly Lock s_oneAtATime = new();
    private static readonly Dictionary<TileShape, JitTileKernel> s_assembled = [];

    private readonly TileShape _shape;
    private readonly nint[] _functions; // [rows - 1][registers - 1]

    private JitTileKernel(TileShape shape, nint[] functions)
    {
        _shape = shape;
        _functions = functions;
    }

    public override int Rows => _shape.Rows;

    public override int Columns => _shape.Registers * _shape.Lanes;

    public override int RowPanelWidth => _shape.RowPanelWidth;

    /// <summary>
    /// The kernels for <paramref name="shape"/>, assembled by whoever asks first; null, with the reason, if they cannot be made executable.
    /// </summary>
    internal static JitTileKernel? TryCreate(TileShape shape, out string reason)
    {
        lock (s_oneAtATime)
        {
            reason = "";
            if (!s_assembled.TryGetValue(shape, out JitTileKernel? kernel) && Load(shape, out reason) is { } loaded)
            {
                kernel = loaded;
                s_assembled.Add(shape, loaded);
            }

            return kernel;
        }
    }

    private static JitTileKernel? Load(TileShape shape, out string reason)
    {
        int[] offsets = new int[shape.Rows * shape.Registers];
        byte[] code = Assemble(shape, OperatingSystem.IsWindows(), offsets);
        byte* memory = ExecutableMemory.Load(code, out reason);
        return memory is null ? null : new JitTileKernel(shape, [.. offsets.Select(offset => (nint)memory + offset)]);
    }

    /// <summary>The code of all functions; <paramref name="offsets"/> receives where each begins.</summary>
    internal static byte[] Assemble(TileShape shape, bool windows, Span<int> offsets)
    {
        using MemoryStream code = new();
        for (int i = 0; i < offsets.Length; i++)
        {
            while (code.Length % FunctionAlignment != 0)
            {
                code.WriteByte(0xCC); // int3
            }

            offsets[i] = (int)code.Length;
            int rows = (i / shape.Registers) + 1;
            int registers = (i % shape.Registers) + 1;
            new TileAssembler(shape, rows, registers, windows).AssembleTo(code);
        }

        return code.ToArray();
    }

    public override void Run(TileArguments* arguments, int rows, int columns)
    {
        int registers = Prepare(_shape, arguments, rows, columns);
        nint function = _functions[((rows - 1) * _shape.Registers) + registers - 1];

        // A tile takes about a microsecond: short enough to skip the switch of garbage-collection mode around native code.
        ((delegate* unmanaged[SuppressGCTransition]<TileArguments*, void>)function)(arguments);
    }

    /// <summary>Fills in the fields that describe an incomplete tile and returns its registers per row.</summary>
    internal static int Prepare(TileShape shape, TileArguments* arguments, int rows, int columns)
    {
        int registers = (columns + shape.Lanes - 1) / shape.Lanes;
        int lanes = columns - ((registers - 1) * shape.Lanes);
        arguments->EndOfC = (byte*)arguments->C + (rows * arguments->RowBytes);
        arguments->LaneBits = (1 << lanes) - 1;
        for (int lane = 0; lane < LanesOfAvx2 && !shape.IsWide; lane++)
        {
            arguments->LaneMasks[lane] = lane < lanes ? -1 : 0;
        }

        return registers;
    }
}

/// <summary>Instruction and size of a full tile.</summary>
/// <param name="Instruction">Instruction set.</param>
/// <param name="Rows">Rows of a full tile.</param>
/// <param name="Registers">Registers per row of a full tile.</param>
internal readonly record struct TileShape(TileInstruction Instruction, int Rows, int Registers)
{
    /// <summary>14 × 2 registers of AVX-512: 28 sums, 2 of B, 2 of A.</summary>
    internal static TileShape Avx512 => new(TileInstruction.Avx512Float, 14, 2);

    /// <summary>The same tile for BF16 pairs.</summary>
    internal static TileShape Avx512BFloat16 => new(TileInstruction.Avx512BFloat16, 14, 2);

    /// <summary>The same tile for pairs of integers.</summary>
    internal static TileShape Avx512Int16 => new(TileInstruction.Avx512Int16, 14, 2);

    /// <summary>The same tile for quads of integers.</summary>
    internal static TileShape Avx512Int8 => new(TileInstruction.Avx512Int8, 14, 2);

    /// <summary>6 × 2 registers of AVX2: 12 sums, 2 of B, 2 of A.</summary>
    internal static TileShape Avx2 => new(TileInstruction.Avx2Float, 6, 2);

    /// <summary>The same tile for pairs of integers, with AVX-VNNI.</summary>
    internal static TileShape AvxVnniInt16 => new(TileInstruction.AvxVnniInt16, 6, 2);

    /// <summary>The same tile for quads of integers, with AVX-VNNI.</summary>
    internal static TileShape AvxVnniInt8 => new(TileInstruction.AvxVnniInt8, 6, 2);

    /// <summary>The same tile for pairs of integers, with nothing but AVX2: 12 sums, 2 of B, 1 of A, 1 product.</summary>
    internal static TileShape Avx2Int16 => new(TileInstruction.Avx2Int16, 6, 2);

    /// <summary>Of F32 products, on this processor.</summary>
    internal static TileShape OfFloats => CpuFeatures.HasAvx512 ? Avx512 : Avx2;

    /// <summary>Of BF16 products; null: the processor multiplies floats as fast.</summary>
    internal static TileShape? OfBFloat16 => CpuFeatures.HasBFloat16 ? Avx512BFloat16 : null;

    /// <summary>
    /// Of 16-bit integer products; null: floats as fast. vpmaddwd and vpaddd on 512 bits take as many of the two vector units' cycles as
    /// vfmadd231ps; on 256 bits there are more units for vpaddd.
    /// </summary>
    internal static TileShape? OfInt16 => CpuFeatures.HasVnni ? Avx512Int16
        : CpuFeatures.HasAvx512 ? null
        : CpuFeatures.HasAvxVnni ? AvxVnniInt16 : Avx2Int16;

    /// <summary>Of 8-bit integer products; null: wider operands as fast.</summary>
    internal static TileShape? OfInt8 => CpuFeatures.HasVnni ? Avx512Int8 : CpuFeatures.HasAvxVnni ? AvxVnniInt8 : null;

    /// <summary>512-bit registers, of which there are 32.</summary>
    internal bool IsWide => Instruction is TileInstruction.Avx512Float or TileInstruction.Avx512BFloat16 or TileInstruction.Avx512Int16
        or TileInstruction.Avx512Int8;

    /// <summary>Sums are integers until they are scaled.</summary>
    internal bool IsInteger => ValuesPerElement == 4 || Instruction is TileInstruction.Avx512Int16 or TileInstruction.AvxVnniInt16
        or TileInstruction.Avx2Int16;

    /// <summary>Values of k in 32 bits.</summary>
    internal int ValuesPerElement => Instruction switch
    {
        TileInstruction.Avx2Float or TileInstruction.Avx512Float => 1,
        TileInstruction.Avx512Int8 or TileInstruction.AvxVnniInt8 => 4,
        _ => 2,
    };

    internal int Lanes => IsWide ? 16 : 8;

    /// <summary>Rows of a panel of A, rounded up to what PanelTransposer handles at once.</summary>
    internal int RowPanelWidth => Rows <= 8 ? 8 : 16;
}
