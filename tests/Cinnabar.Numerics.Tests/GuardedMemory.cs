using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Tests;

/// <summary>
/// Tensors that end where a page without access begins, so that reading or writing behind them ends the process, and that have a
/// known pattern before them, checked by <see cref="Dispose"/>. Only on Linux; elsewhere plain tensors.
/// </summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    private const byte Canary = 0xC5;
    private static readonly nuint s_page = (nuint)Environment.SystemPageSize;
    private readonly List<(nint Start, nuint Bytes, nuint Front)> _mappings = [];

    public Tensor Floats(params int[] shape) => Elements(DType.F32, shape);

    public Tensor Elements(DType type, params int[] shape)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Tensor.Zeros(type, shape);
        }

        nuint used = (nuint)Tensor.BytesOf(type, shape.Aggregate(1, (a, b) => a * b));
        nuint open = (used + s_page) / s_page * s_page;
        nint start = Map(0, open + s_page, 3, 0x22, -1, 0); // read and write; private and anonymous
        if (start == -1 || Protect(start + (nint)open, s_page, 0) != 0)
        {
            throw new InvalidOperationException("No memory with a guard page.");
        }

        nuint front = open - used;
        new Span<byte>((void*)start, (int)front).Fill(Canary);
        _mappings.Add((start, open + s_page, front));
        return Tensor.OverForeignMemory((byte*)start + front, type, shape);
    }

    public void Dispose()
    {
        bool intact = true;
        foreach ((nint start, nuint bytes, nuint front) in _mappings)
        {
            intact &= !new ReadOnlySpan<byte>((void*)start, (int)front).ContainsAnyExcept(Canary);
            _ = Unmap(start, bytes);
        }

        Assert.True(intact, "A kernel wrote before the start of a tensor.");
    }

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Protect(nint address, nuint bytes, int protection);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Unmap(nint address, nuint bytes);
}
