namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>The GPU that the tests of a class share.</summary>
public sealed class Device
{
    private readonly string _reason;
    private readonly KernelTable? _kernels;

    public Device() => _kernels = CudaKernels.IsAvailable(out _reason) ? CudaKernels.Create() : null;

    /// <summary>Its kernels.</summary>
    public KernelTable Kernels => _kernels ?? throw new InvalidOperationException(_reason);

    /// <summary>Skips the test where there is none.</summary>
    public void Require() => Assert.SkipWhen(_kernels is null, $"There is no GPU to test: {_reason}");
}
