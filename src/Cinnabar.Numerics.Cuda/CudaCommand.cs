using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda;

/// <summary>What a command does.</summary>
internal enum CommandKind
{
    /// <summary>Runs a kernel.</summary>
    Launch,

    /// <summary>Copies Bytes from the host's pinned memory at Source to Target.</summary>
    CopyToDevice,

    /// <summary>Makes Bytes at Target zero.</summary>
    Clear,

    /// <summary>A matrix product by the plan at Source in the list of plans.</summary>
    Product,
}

/// <summary>One piece of work for the device; two commands are the same if all their bytes are.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CudaCommand
{
    public CommandKind Kind;
    public int GridX;
    public int GridY;
    public int GridZ;
    public int Threads;
    public int SharedBytes;

    /// <summary>Of a kernel: 1 if it may begin while the one before still runs.</summary>
    public int Overlaps;

    /// <summary>Of a kernel: its handle. Of a copy: where from. Of a product: the number of its plan.</summary>
    public nint Source;

    /// <summary>Of a copy or clearing: where to. Of a product: C.</summary>
    public nint Target;

    /// <summary>Of a copy or clearing: how much. Of a product: 1 to add to C.</summary>
    public long Bytes;

    /// <summary>Of a product: the left operand.</summary>
    public nint A;

    /// <summary>Of a product: the right operand.</summary>
    public nint B;

    /// <summary>Of a kernel.</summary>
    public KernelArguments Arguments;
}
