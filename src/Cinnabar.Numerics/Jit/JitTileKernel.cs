// The assembled tile kernels of one instruction: one function for every number of rows and registers up to the full tile, so that
// incomplete tiles cost only what they compute. Columns behind the last one are masked in the last register.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Jit;

/// <summary>A tile kernel in machine code.</summary>
internal sealed unsafe class JitTileKernel : TileKernel
{
    private const int FunctionAlignment = 64;

    private const int LanesOfAvx2 = 8;

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

    /// <summary>Assembles the kernels for <paramref name="shape"/>; null, with the reason, if they cannot be made executable.</summary>
    internal static JitTileKernel? TryCreate(TileShape shape, out string reason)
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
        for (int lane = 0; lane < LanesOfAvx2 && shape.Instruction == TileInstruction.Avx2Float; lane++)
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

    internal int Lanes => Instruction == TileInstruction.Avx2Float ? 8 : 16;

    /// <summary>Rows of a panel of A, rounded up to what PanelTransposer handles at once.</summary>
    internal int RowPanelWidth => Rows <= 8 ? 8 : 16;
}
