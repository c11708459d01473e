namespace Cinnabar.Numerics.Kernels;

/// <summary>Scratch memory that grows to the largest size asked for and is then kept; aligned to 64 bytes, not cleared.</summary>
internal sealed unsafe class PanelBuffer
{
    private const int Alignment = 64;

    private byte[] _storage = [];

    /// <summary>At least <paramref name="elements"/> elements of 32 bits; the content of an earlier call may be gone.</summary>
    internal uint* Reserve(long elements)
    {
        long bytes = checked((elements * sizeof(uint)) + Alignment);
        if (bytes > Array.MaxLength)
        {
            throw new ArgumentException($"Expected panels of at most {Array.MaxLength:N0} bytes, found {bytes:N0}.", nameof(elements));
        }

        if (_storage.Length < bytes)
        {
            _storage = GC.AllocateUninitializedArray<byte>((int)bytes, pinned: true);
        }

        nuint first = (nuint)System.Runtime.CompilerServices.Unsafe.AsPointer(
            ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_storage));
        return (uint*)((first + Alignment - 1) & ~(nuint)(Alignment - 1));
    }
}
