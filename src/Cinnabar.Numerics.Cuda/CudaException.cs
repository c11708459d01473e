namespace Cinnabar.Numerics.Cuda;

/// <summary>A GPU, or a library it needs, is missing or failed.</summary>
/// <param name="message">What was expected and what was found.</param>
/// <param name="remedy">What to do.</param>
/// <param name="details">A compiler's or library's own words; null: there are none.</param>
public sealed class CudaException(string message, string remedy, string? details = null) : DeviceException(message, remedy, details);
