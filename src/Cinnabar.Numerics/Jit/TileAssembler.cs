// Machine code of one register tile, C[R, V registers] (+)= A panel · B panel, for every tile kernel of the Jit form:
//
//   AVX-512      vfmadd231ps   zmm   F32
//   AVX-512      vdpbf16ps     zmm   BF16 pairs, two k per step
//   AVX2 + FMA   vfmadd231ps   ymm   F32
//
// One step: V loads of B, then per row one broadcast of A and V multiply-adds. Pairs are broadcast as 32 bits like a float, so
// the three differ in one instruction and in the register file. Layout of registers (names below): R·V sums from register 0 on,
// then V of B, then two that take turns for A, so that a broadcast need not wait for the multiply-adds of the row before.
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
}

/// <summary>Assembles a tile of <paramref name="rows"/> × <paramref name="registers"/> registers, within the panels of <paramref name="shape"/>.</summary>
internal sealed class TileAssembler(TileShape shape, int rows, int registers, bool windows)
{
    private const int Unroll = 4;

    // How far ahead of its use B is fetched into the first level, in steps; found by measurement.
    private const int PrefetchSteps = 16;

    private readonly Assembler _code = new(64);
    private readonly bool _wide = shape.Instruction != TileInstruction.Avx2Float;

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

    private Register A(int row) => Vector(((rows + 1) * registers) + (row % 2 == 0 || SingleA ? 0 : 1));

    // After the loop B and A are free: the mask of the last register of a row (AVX2) and the values of C take their place.
    private Register LaneMask => B(0);

    private Register OldC => A(0);

    private bool SingleA => ((rows + 1) * registers) + 2 > RegisterCount;

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
        int used = Math.Min(16, ((rows + 1) * registers) + (SingleA ? 1 : 2));
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
            _code.AddInstruction(Instruction.Create(
                _wide ? Code.EVEX_Vbroadcastss_zmm_k1z_xmmm32 : Code.VEX_Vbroadcastss_ymm_m32, A(row), a));
            for (int register = 0; register < registers; register++)
            {
                _code.AddInstruction(Instruction.Create(MultiplyAddOf(shape.Instruction), Sum(row, register), A(row), B(register)));
            }
        }
    }

    /// <summary>The multiply-add on three registers.</summary>
    internal static Code MultiplyAddOf(TileInstruction instruction) => instruction switch
    {
        TileInstruction.Avx2Float => Code.VEX_Vfmadd231ps_ymm_ymm_ymmm256,
        TileInstruction.Avx512Float => Code.EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        _ => Code.EVEX_Vdpbf16ps_zmm_k1z_zmm_zmmm512b32,
    };

    private void Advance(int steps)
    {
        _code.add(s_a, steps * shape.RowPanelWidth * sizeof(float));
        _code.add(s_b, steps * ColumnPanelWidth * sizeof(float));
    }

    private void AddToC()
    {
        Label replace = _code.CreateLabel();
        LoadLaneMask();
        _code.cmp(__qword_ptr[s_arguments + OffsetOf(nameof(Arguments.Accumulate))], 0);
        _code.je(replace);
        _code.mov(s_rowOfC, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.C))]);
        for (int row = 0; row < rows; row++)
        {
            for (int register = 0; register < registers; register++)
            {
                LoadC(register);
                _code.AddInstruction(Instruction.Create(
                    _wide ? Code.EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er : Code.VEX_Vaddps_ymm_ymm_ymmm256,
                    Sum(row, register), Sum(row, register), OldC));
            }

            NextRow(row);
        }

        _code.Label(ref replace);
        _code.mov(s_rowOfC, __qword_ptr[s_arguments + OffsetOf(nameof(Arguments.C))]);
        for (int row = 0; row < rows; row++)
        {
            for (int register = 0; register < registers; register++)
            {
                StoreC(Sum(row, register), register);
            }

            NextRow(row);
        }
    }

    private void LoadLaneMask()
    {
        if (_wide)
        {
            _code.kmovw(k1, __word_ptr[s_arguments + OffsetOf(nameof(Arguments.LaneBits))]);
        }
        else
        {
            Load(LaneMask, Memory(s_arguments, OffsetOf(nameof(Arguments.LaneMasks))));
        }
    }

    private void LoadC(int register)
    {
        MemoryOperand place = Memory(s_rowOfC, register * RegisterBytes);
        if (register < registers - 1)
        {
            Load(OldC, place);
        }
        else if (_wide)
        {
            Instruction load = Instruction.Create(Code.EVEX_Vmovups_zmm_k1z_zmmm512, OldC, place);
            load.OpMask = Register.K1;
            load.ZeroingMasking = true;
            _code.AddInstruction(load);
        }
        else
        {
            _code.AddInstruction(Instruction.Create(Code.VEX_Vmaskmovps_ymm_ymm_m256, OldC, LaneMask, place));
        }
    }

    private void StoreC(Register sum, int register)
    {
        MemoryOperand place = Memory(s_rowOfC, register * RegisterBytes);
        if (register == registers - 1 && !_wide)
        {
            _code.AddInstruction(Instruction.Create(Code.VEX_Vmaskmovps_m256_ymm_ymm, place, LaneMask, sum));
            return;
        }

        Instruction store = Instruction.Create(_wide ? Code.EVEX_Vmovups_zmmm512_k1z_zmm : Code.VEX_Vmovups_ymmm256_ymm, place, sum);
        if (register == registers - 1)
        {
            store.OpMask = Register.K1;
        }

        _code.AddInstruction(store);
    }

    private void Load(Register register, MemoryOperand place) => _code.AddInstruction(Instruction.Create(
        _wide ? Code.EVEX_Vmovups_zmm_k1z_zmmm512 : Code.VEX_Vmovups_ymm_ymmm256, register, place));

    private void NextRow(int row)
    {
        if (row < rows - 1)
        {
            _code.add(s_rowOfC, s_rowBytes);
        }
    }

    private static MemoryOperand Memory(AssemblerRegister64 pointer, int displacement) => new(pointer, displacement);

    private static int OffsetOf(string field) => (int)System.Runtime.InteropServices.Marshal.OffsetOf<Arguments>(field);
}
