namespace Cinnabar.Numerics;

/// <summary>A device, or a library it needs, is missing or failed.</summary>
/// <param name="message">What was expected and what was found.</param>
/// <param name="remedy">What to do.</param>
/// <param name="details">A compiler's or library's own words; null: there are none.</param>
public class DeviceException(string message, string remedy, string? details = null) : Exception(message)
{
    /// <summary>What to do.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>What people are told: the message, then the remedy.</summary>
    public string InWords => $"{Message} {Remedy}";

    /// <summary>A compiler's or library's own words; null: there are none.</summary>
    public string? Details { get; } = details;

    /// <summary>Whether this process cannot use the device any more.</summary>
    public bool IsLost { get; init; }
}
