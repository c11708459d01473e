// A device runs one stream for one thread at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>A test that needs a CUDA device, and is skipped without one.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CudaFactAttribute : FactAttribute
{
    private static readonly string? s_skip = CudaKernels.IsAvailable(out string reason) ? null : $"There is no CUDA device: {reason}";

    public CudaFactAttribute() => Skip = s_skip;
}

/// <summary>A theory that needs a CUDA device, and is skipped without one.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CudaTheoryAttribute : TheoryAttribute
{
    public CudaTheoryAttribute() => Skip = new CudaFactAttribute().Skip;
}
