// The end of a tile: integer sums are scaled to F32, then everything is stored to C or added to it.
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using Arguments = Cinnabar.Numerics.Kernels.TileArguments;

namespace Cinnabar.Numerics.Jit;

internal sealed partial class TileAssembler
{
    // After the loop B and A are free: the mask of the last register of a row (AVX2) and the values of C take their place.
    private Register LaneMask => B(0);

    private Register OldC => A(0);

    // The pointers have passed the last step and so point at the scales: one for each row of A and each column of B. Behind the
    // scales of A stands what takes back the 128 added to each byte of B.
    private void ScaleSums()
    {
        if (!shape.IsInteger)
        {
            return;
        }

        for (int register = 0; register < registers; register++)
        {
            Load(B(register), Memory(s_b, register * RegisterBytes));
        }

        for (int row = 0; row < rows; row++)
        {
            if (shape.ValuesPerElement == 4)
            {
                Broadcast(A(row), Memory(s_a, (shape.RowPanelWidth + row) * sizeof(int)));
                for (int register = 0; register < registers; register++)
                {
                    Register sum = Sum(row, register);
                    _code.AddInstruction(Instruction.Create(
                        _wide ? Code.EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32 : Code.VEX_Vpaddd_ymm_ymm_ymmm256, sum, sum, A(row)));
                }
            }

            Broadcast(A(row), Memory(s_a, row * sizeof(float)));
            for (int register = 0; register < registers; register++)
            {
                Register sum = Sum(row, register);
                Code multiply = _wide ? Code.EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er : Code.VEX_Vmulps_ymm_ymm_ymmm256;
                _code.AddInstruction(Instruction.Create(
                    _wide ? Code.EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er : Code.VEX_Vcvtdq2ps_ymm_ymmm256, sum, sum));
                _code.AddInstruction(Instruction.Create(multiply, sum, sum, A(row)));
                _code.AddInstruction(Instruction.Create(multiply, sum, sum, B(register)));
            }
        }
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

    private void NextRow(int row)
    {
        if (row < rows - 1)
        {
            _code.add(s_rowOfC, s_rowBytes);
        }
    }
}
