// Memory for assembled code: written first, then made executable and read-only, never both at once.
// Linux and macOS: mmap, mprotect (POSIX.1-2017). Windows: VirtualAlloc, VirtualProtect.
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Jit;

/// <summary>A copy of machine code that can be called; it is kept until the process ends.</summary>
internal static unsafe partial class ExecutableMemory
{
    private const int ProtectRead = 1;
    private const int ProtectWrite = 2;
    private const int ProtectExecute = 4;
    private const int MapPrivate = 2;
    private const int MapAnonymousLinux = 0x20;
    private const int MapAnonymousMac = 0x1000;
    private const uint CommitAndReserve = 0x3000;
    private const uint PageReadWrite = 0x04;
    private const uint PageExecuteRead = 0x20;

    /// <summary>Copies <paramref name="code"/>; null, with the reason, if the operating system refuses.</summary>
    internal static byte* Load(ReadOnlySpan<byte> code, out string reason)
    {
        byte* memory = OperatingSystem.IsWindows() ? Windows(code) : Posix(code);
        reason = memory is not null ? "" : $"the operating system refused executable memory (error {Marshal.GetLastPInvokeError()})";
        return memory;
    }

    private static byte* Posix(ReadOnlySpan<byte> code)
    {
        int flags = MapPrivate | (OperatingSystem.IsMacOS() ? MapAnonymousMac : MapAnonymousLinux);
        nint memory = Map(0, (nuint)code.Length, ProtectRead | ProtectWrite, flags, -1, 0);
        if (memory == -1)
        {
            return null;
        }

        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        return Protect(memory, (nuint)code.Length, ProtectRead | ProtectExecute) == 0 ? (byte*)memory : null;
    }

    private static byte* Windows(ReadOnlySpan<byte> code)
    {
        nint memory = VirtualAlloc(0, (nuint)code.Length, CommitAndReserve, PageReadWrite);
        if (memory == 0)
        {
            return null;
        }

        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        return VirtualProtect(memory, (nuint)code.Length, PageExecuteRead, out _) != 0 ? (byte*)memory : null;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualProtect(nint address, nuint size, uint protection, out uint oldProtection);
}
