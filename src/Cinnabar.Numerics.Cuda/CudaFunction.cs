namespace Cinnabar.Numerics.Cuda;

/// <summary>A compiled kernel.</summary>
/// <param name="Handle">The driver's handle.</param>
/// <param name="SharedBytes">Dynamic shared memory of each block.</param>
internal readonly record struct CudaFunction(nint Handle, int SharedBytes);
