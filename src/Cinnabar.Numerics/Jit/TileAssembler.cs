// Machine code of one register tile, C[R, V registers] (+)= A panel · B panel, for every tile kernel of the Jit form:
//
//   AVX-512      vfmadd231ps   zmm   F32
//   AVX-512      vdpbf16ps     zmm   BF16 pairs, two k per step
//   AVX-512      vpdpwssd      zmm   pairs of 16-bit integers, two k per step; sums are int32, scaled to F32 at the end
//   AVX-512      vpdpbusd      zmm   quads of 8-bit integers, four k per step; likewise
//   AVX2 + FMA   vfmadd231ps   ymm   F32
//   AVX-VNNI     vpdpwssd      ymm   pairs of 16-bit integers
//   AVX-VNNI     vpdpbusd      ymm   quads of 8-bit integers
//   AVX2         vpmaddwd, vpaddd    ymm   pairs of 16-bit integers in two instructions
//
// One step: V loads of B, then per row V multiply-adds with an element of A. Pairs and quads are broadcast as 32 bits like a float, so
// all differ in one instruction (two for vpmaddwd, which needs a register more) and in the register file. In even rows a register
// receives the broadcast; in odd rows each multiply-add of AVX-512 broadcasts from memory: fewer instructions but more loads. Half and
// half measured best (3 to 8 % over none), above all while another hyperthread takes half of the issue slots. Layout of registers (names
// below): R·V sums from register 0 on, then V of B, then two that take turns for A, so that a broadcast need not wait for the
// multiply-adds of the row before.
//
// The code is a leaf function of one argument, a TileArguments*: rdi (System V) or rcx (Windows). It uses only registers that
// both conventions leave to the callee, and saves xmm6 … xmm15 in the arguments where Windows asks for it.
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using Arguments = Cinnabar.Numerics.Kernels.TileArguments;

namespace Cinnabar.Numerics.Jit;

/// <summary>Which registers and which multiply-add a tile uses.</summary>
internal enum TileInstruction
{
    /// <summary>vfmadd231ps on 8 lanes.</summary>
    Avx2Float,

    /// <summary>vfmadd231ps on 16 lanes.</summary>
    Avx512Float,

    /// <summary>vdpbf16ps on 16 lanes.</summary>
    Avx512BFloat16,

    /// <summary>vpdpwssd on 16 lanes.</summary>
    Avx512Int16,

    /// <summary>vpdpbusd on 16 lanes.</summary>
    Avx512Int8,

    /// <summary>vpdpwssd on 8 lanes.</summary>
    AvxVnniInt16,

    /// <summary>vpdpbusd on 8 lanes.</summary>
    AvxVnniInt8,

    /// <summary>vpmaddwd and vpaddd on 8 lanes.</summary>
    Avx2Int16,
}

/// <summary>
/// Assembles a tile of <paramref name="rows"/> × <paramref name="registers"/> registers, within the panels of <paramref name="shape"/>.
/// </summary>
internal sealed partial class TileAssembler(TileShape shape, int rows, int registers, bool windows)
{
    private const int Unroll = 4;

    // How far ahead of its use B is fetched into the first level, in steps; found by measurement.
    private const int PrefetchSteps = 16;

    private readonly Assembler _code = new(64);
    private readonly bool _wide = shape.IsWide;

    // General registers.
    private static readonly AssemblerRegister64 s_arguments = rax;
    private static readonly AssemblerRegister64 s_a = r8;
    private static readonly AssemblerRegister64 s_b = r9;
    private static readonly AssemblerRegister64 s_fetch = r10;
    private static readonly AssemblerRegister64 s_rowBytes = r11;
    private static readonly AssemblerRegister64 s_steps = rdx;
    private static readonly AssemblerRegister64 s_rowOfC = rcx;

    // Vector registers.
    private Register Sum(int row, int register) => Vector((row * registers) + register);

    private Register B(int register) => Vector((rows * registers) + register);

    // Of AVX-512 only even rows use one.
    private Register A(int row) => Vector(((rows + 1) * registers) + ((_wide ? row / 2 : row) % 2 == 0 || SingleA ? 0 : 1));

    private bool SingleA => ((rows + 1) * registers) + 2 + Products > RegisterCount;

    // What vpmaddwd writes before it is added.
    private Register Product => Vector(RegisterCount - 1);

    private int Products => shape.Instruction == TileInstruction.Avx2Int16 ? 1 : 0;

    private int ColumnPanelWidth => shape.Registers * shape.Lanes;

    private int RegisterCount => _wide ? 32 : 16;

    private int RegisterBytes => _wide ? 64 : 32;

    private Register Vector(int index) => (_wide ? Register.ZMM0 : Register.YMM0) + index;

    /// <summary>Appends the code to <paramref name="to"/>.</summary>
    internal void AssembleTo(Stream to)
    {
        LoadArguments();
        SaveRegisters(restore: false);
        ClearSums();
        SumOverSteps();
        ScaleSums();
        AddToC();
        SaveRegisters(restore: true);
        _code.vzeroupper();
        _code.ret();
        _code.Assemble(new StreamCodeWriter(to), 0);
    }

    private void LoadArguments()
    {
        _code.mov(s_arguments, windows ? rcx : rdi);
        _code.mov(s_a, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.A))]);
        _code.mov(s_b, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.B))]);
        _code.mov(s_rowOfC, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.C))]);
        _code.mov(s_fetch, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.Fetch))]);
        _code.mov(s_rowBytes, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.RowBytes))]);
        _code.mov(s_steps, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.Steps))]);
    }

    // Windows x64: the callee preserves the low halves of registers 6 to 15.
    private void SaveRegisters(bool restore)
    {
        int used = Products > 0 ? 16 : Math.Min(16, ((rows + 1) * registers) + (SingleA ? 1 : 2));
        for (int i = 6; windows && i < used; i++)
        {
            MemoryOperand place = Memory(s_arguments, OffsetOf(nameof(Arguments.Saved)) + ((i - 6) * 16));
            _code.AddInstruction(restore
                ? Instruction.Create(Code.VEX_Vmovups_xmm_xmmm128, Register.XMM0 + i, place)
                : Instruction.Create(Code.VEX_Vmovups_xmmm128_xmm, place, Register.XMM0 + i));
        }
    }

    private void ClearSums()
    {
        for (int i = 0; i < rows * registers; i++)
        {
            _code.AddInstruction(Clear(Vector(i)));
        }
    }

    /// <summary>Sets a ymm or zmm register to zero.</summary>
    internal static Instruction Clear(Register register) => register >= Register.ZMM0
        ? Instruction.Create(Code.EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32, register, register, register)
        : Instruction.Create(Code.VEX_Vxorps_ymm_ymm_ymmm256, register, register, register);

    // The first passes also fetch one row of C each: it is needed only at the end, and by then it is in the first level. Every pass
    // fetches one line of what comes later into the second level: other tiles need it, and waiting there would cost all of them.
    private void SumOverSteps()
    {
        Label fetching = _code.CreateLabel();
        Label unrolled = _code.CreateLabel();
        Label remainder = _code.CreateLabel();
        Label single = _code.CreateLabel();
        Label done = _code.CreateLabel();
        _code.sub(s_steps, Unroll);
        _code.jl(remainder);
        _code.Label(ref fetching);
        FetchRowOfC();
        Steps();
        _code.jl(remainder);
        _code.cmp(s_rowOfC, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.EndOfC))]);
        _code.jb(fetching);
        _code.Label(ref unrolled);
        Steps();
        _code.jge(unrolled);
        _code.Label(ref remainder);
        _code.add(s_steps, Unroll);
        _code.jle(done);
        _code.Label(ref single);
        Step(0);
        Advance(1);
        _code.sub(s_steps, 1);
        _code.jg(single);
        _code.Label(ref done);
    }

    // One pass; leaves the flags of the steps that remain.
    private void Steps()
    {
        _code.prefetcht1(__byte_ptr[s_fetch]);
        _code.add(s_fetch, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.FetchStep))]);
        for (int step = 0; step < Unroll; step++)
        {
            Step(step);
        }

        Advance(Unroll);
        _code.sub(s_steps, Unroll);
    }

    private void FetchRowOfC()
    {
        for (int register = 0; register < registers; register++)
        {
            _code.prefetchw(__byte_ptr[s_rowOfC + (register * RegisterBytes)]);
        }

        _code.add(s_rowOfC, s_rowBytes);
    }

    private void Step(int step)
    {
        int b = step * ColumnPanelWidth * sizeof(float);
        for (int register = 0; register < registers; register++)
        {
            Load(B(register), Memory(s_b, b + (register * RegisterBytes)));
            _code.prefetcht0(__byte_ptr[s_b + (b + (PrefetchSteps * ColumnPanelWidth * sizeof(float)) + (register * RegisterBytes))]);
        }

        for (int row = 0; row < rows; row++)
        {
            MemoryOperand a = Memory(s_a, ((step * shape.RowPanelWidth) + row) * sizeof(float));
            if (_wide && row % 2 == 1)
            {
                MultiplyAddFromMemory(row, a);
                continue;
            }

            Broadcast(A(row), a);
            for (int register = 0; register < registers; register++)
            {
                // The last product of a row may overwrite A.
                Register product = register == registers - 1 ? A(row) : Product;
                AddMultiplyAdd(_code, shape.Instruction, Sum(row, register), B(register), A(row), product);
            }
        }
    }

    private void Broadcast(Register register, MemoryOperand place) => _code.AddInstruction(Instruction.Create(
        _wide ? Code.EVEX_Vbroadcastss_zmm_k1z_xmmm32 : Code.VEX_Vbroadcastss_ymm_m32, register, place));

    private void MultiplyAddFromMemory(int row, MemoryOperand a)
    {
        for (int register = 0; register < registers; register++)
        {
            Instruction multiplyAdd = Instruction.Create(MultiplyAddOf(shape.Instruction), Sum(row, register), B(register), a);
            multiplyAdd.IsBroadcast = true;
            _code.AddInstruction(multiplyAdd);
        }
    }

    /// <summary>
    /// Appends sum += b · a; vpdpbusd wants its unsigned operand, B, second. Only vpmaddwd uses <paramref name="product"/>, which may be
    /// <paramref name="a"/>.
    /// </summary>
    internal static void AddMultiplyAdd(
        Assembler code, TileInstruction instruction, Register sum, Register b, Register a, Register product)
    {
        if (instruction == TileInstruction.Avx2Int16)
        {
            code.AddInstruction(Instruction.Create(Code.VEX_Vpmaddwd_ymm_ymm_ymmm256, product, b, a));
            code.AddInstruction(Instruction.Create(Code.VEX_Vpaddd_ymm_ymm_ymmm256, sum, sum, product));
            return;
        }

        code.AddInstruction(Instruction.Create(MultiplyAddOf(instruction), sum, b, a));
    }

    private static Code MultiplyAddOf(TileInstruction instruction) => instruction switch
    {
        TileInstruction.Avx2Float => Code.VEX_Vfmadd231ps_ymm_ymm_ymmm256,
        TileInstruction.Avx512Float => Code.EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        TileInstruction.Avx512Int16 => Code.EVEX_Vpdpwssd_zmm_k1z_zmm_zmmm512b32,
        TileInstruction.Avx512Int8 => Code.EVEX_Vpdpbusd_zmm_k1z_zmm_zmmm512b32,
        TileInstruction.AvxVnniInt16 => Code.VEX_Vpdpwssd_ymm_ymm_ymmm256,
        TileInstruction.AvxVnniInt8 => Code.VEX_Vpdpbusd_ymm_ymm_ymmm256,
        _ => Code.EVEX_Vdpbf16ps_zmm_k1z_zmm_zmmm512b32,
    };

    private void Advance(int steps)
    {
        _code.add(s_a, steps * shape.RowPanelWidth * sizeof(float));
        _code.add(s_b, steps * ColumnPanelWidth * sizeof(float));
    }

    private void Load(Register register, MemoryOperand place) => _code.AddInstruction(Instruction.Create(
        _wide ? Code.EVEX_Vmovups_zmm_k1z_zmmm512 : Code.VEX_Vmovups_ymm_ymmm256, register, place));

    private static MemoryOperand Memory(AssemblerRegister64 pointer, int displacement) => new(pointer, displacement);

    private static int OffsetOf(string field) => (int)System.Runtime.InteropServices.Marshal.OffsetOf<Arguments>(field);
}
