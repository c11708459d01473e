namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>The GPU that all tests share.</summary>
public sealed class Device
{
    /// <summary>Its kernels.</summary>
    public KernelTable Kernels => Comparison.Device;
}
