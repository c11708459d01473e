using System.Runtime.CompilerServices;

// A device runs one stream for one thread at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>A test that needs a CUDA device, or a processor that plays one, and is skipped without.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CudaFactAttribute : FactAttribute
{
    public CudaFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = WhySkipped;

    /// <summary>Null, or why there is nothing to test on.</summary>
    public static string? WhySkipped { get; } = Find();

    private static string? Find()
    {
        if (CudaKernels.IsAvailable(out string reason))
        {
            return null;
        }

        return EmulatedDevice.Start() is string missing ? $"There is no CUDA device ({reason}), and {missing}." : null;
    }
}

/// <summary>A theory that needs what <see cref="CudaFactAttribute"/> needs.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CudaTheoryAttribute : TheoryAttribute
{
    public CudaTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = CudaFactAttribute.WhySkipped;
}
