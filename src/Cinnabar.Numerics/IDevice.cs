namespace Cinnabar.Numerics;

/// <summary>
/// A device with memory of its own that runs the kernels of a table, each behind the one before, without the caller waiting.
/// </summary>
public interface IDevice
{
    /// <summary>What people call it, such as "NVIDIA H200".</summary>
    string Name { get; }

    /// <summary>Bytes of its memory.</summary>
    long MemoryBytes { get; }

    /// <summary>Bytes of its memory that tensors take.</summary>
    long UsedBytes { get; }

    /// <summary>Waits until all kernels that were started are done.</summary>
    void Finish();
}
