// Denormal numbers count as zero inside the loops of a WorkerPool: MXCSR bits 15 (flush results to zero) and 6 (operands are zeros).
//
// An Intel core takes a detour of about 150 cycles for each instruction that meets one, and a network in training makes many: softmax
// probabilities behind a confident maximum, their gradients, moments of the optimiser. Without this, training steps of a model that had
// learnt took up to 2.7 times as long as those of a fresh one. vdpbf16ps treats them the same way whatever MXCSR says.
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cinnabar.Numerics.Jit;

internal static unsafe class FloatControl
{
    private const uint FlushToZero = 1 << 15;
    private const uint DenormalsAreZero = 1 << 6;
    private const uint Default = 0x1F80; // all exceptions masked, round to nearest even

    // uint → uint: sets MXCSR and returns what it was. Null where there is no MXCSR or code cannot be made executable.
    private static readonly nint s_exchange = Load();

    /// <summary>Makes this thread count denormals as zero.</summary>
    /// <returns>What to give to <see cref="Restore"/>.</returns>
    internal static uint FlushDenormals() => Exchange(Default | FlushToZero | DenormalsAreZero);

    /// <summary>Returns this thread to what it did before.</summary>
    internal static void Restore(uint control) => Exchange(control);

    private static uint Exchange(uint control) =>
        s_exchange == 0 ? 0 : ((delegate* unmanaged[SuppressGCTransition]<uint, uint>)s_exchange)(control);

    private static nint Load() =>
        X86Base.X64.IsSupported ? (nint)ExecutableMemory.Load(Assemble(OperatingSystem.IsWindows()), out _) : 0;

    private static byte[] Assemble(bool windows)
    {
        Assembler code = new(64);
        code.sub(rsp, 8);
        code.stmxcsr(__dword_ptr[rsp]);
        code.mov(eax, __dword_ptr[rsp]);
        code.mov(__dword_ptr[rsp], windows ? ecx : edi);
        code.ldmxcsr(__dword_ptr[rsp]);
        code.add(rsp, 8);
        code.ret();
        using MemoryStream bytes = new();
        code.Assemble(new StreamCodeWriter(bytes), 0);
        return bytes.ToArray();
    }
}
