// A loop of independent multiply-adds on registers alone: what the arithmetic units can do when nothing else is in the way.
// 24 sums (12 with the 16 registers of AVX2) hide the latency of every known core: 4 cycles × 2 units need 8. vpmaddwd and vpaddd, where
// they stand in for one multiply-add, are both part of the loop.
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cinnabar.Numerics.Jit;

/// <summary>The assembled loop for one multiply-add instruction.</summary>
internal sealed unsafe class PeakLoop
{
    private readonly nint _function;
    private readonly double _operations;

    private PeakLoop(nint function, double operations)
    {
        _function = function;
        _operations = operations;
    }

    /// <summary>Assembles the loop; null, with the reason, if it cannot be made executable.</summary>
    internal static PeakLoop? TryCreate(TileShape shape, out string reason)
    {
        byte* code = ExecutableMemory.Load(Assemble(shape, OperatingSystem.IsWindows()), out reason);
        return code is null ? null : new PeakLoop((nint)code, SumsOf(shape) * shape.Lanes * shape.ValuesPerElement * 2.0);
    }

    /// <summary>Runs the loop and returns the number of operations done: two per multiply-add, four per pair, eight per quad.</summary>
    internal double Run(long iterations)
    {
        ((delegate* unmanaged<long, void>)_function)(iterations);
        return iterations * _operations;
    }

    private static int SumsOf(TileShape shape) => shape.IsWide ? 24 : 12;

    private static byte[] Assemble(TileShape shape, bool windows)
    {
        int sums = SumsOf(shape);
        Register first = shape.IsWide ? Register.ZMM0 : Register.YMM0;
        Assembler code = new(64);

        // Windows x64: the callee preserves the low halves of registers 6 to 15.
        code.sub(rsp, 168);
        for (int i = 6; i < 16; i++)
        {
            code.vmovups(__xmmword_ptr[rsp + ((i - 6) * 16)], new AssemblerRegisterXMM(Register.XMM0 + i));
        }

        code.mov(rax, windows ? rcx : rdi);
        for (int i = 0; i < sums + 2; i++)
        {
            code.AddInstruction(TileAssembler.Clear(first + i));
        }

        Label loop = code.CreateLabel();
        code.Label(ref loop);
        for (int i = 0; i < sums; i++)
        {
            Register product = first + sums + 2 + (i % 2);
            TileAssembler.AddMultiplyAdd(code, shape.Instruction, first + i, first + sums, first + sums + 1, product);
        }

        code.sub(rax, 1);
        code.jg(loop);
        code.vzeroupper();
        for (int i = 6; i < 16; i++)
        {
            code.vmovups(new AssemblerRegisterXMM(Register.XMM0 + i), __xmmword_ptr[rsp + ((i - 6) * 16)]);
        }

        code.add(rsp, 168);
        code.ret();
        using MemoryStream bytes = new();
        code.Assemble(new StreamCodeWriter(bytes), 0);
        return bytes.ToArray();
    }
}
