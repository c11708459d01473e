namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>The GPU that the tests of a class share.</summary>
public sealed class Device
{
    private readonly Lazy<KernelTable> _kernels = new(() => CudaKernels.Create());

    /// <summary>Its kernels.</summary>
    public KernelTable Kernels => _kernels.Value;
}
