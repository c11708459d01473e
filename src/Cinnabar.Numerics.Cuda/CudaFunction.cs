namespace Cinnabar.Numerics.Cuda;

/// <summary>A compiled kernel.</summary>
/// <param name="Handle">The driver's handle.</param>
/// <param name="SharedBytes">Dynamic shared memory of each block.</param>
/// <param name="Overlaps">
/// Whether it may be started while the kernel before still runs, for which it waits itself (programmatic dependent launch): so that
/// starting it, and what depends on nothing before, costs no time.
/// </param>
internal readonly record struct CudaFunction(nint Handle, int SharedBytes, bool Overlaps);
