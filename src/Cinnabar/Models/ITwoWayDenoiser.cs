namespace Cinnabar.Models;

/// <summary>A network whose weights can be read in two ways: seeing both sides, and left to right.</summary>
public interface ITwoWayDenoiser : ICachingDenoiser
{
    /// <summary>Checks that the weights can be read left to right.</summary>
    /// <param name="option">What asks for it.</param>
    /// <exception cref="CinnabarException">
    /// The network's attention is not full, or its positions predict their own tokens (logits that are not shifted).
    /// </exception>
    void RequireCausalReading(string option);

    /// <summary>
    /// The same weights with causal attention: each position sees itself and what is before it, and predicts the token behind it.
    /// </summary>
    /// <inheritdoc cref="RequireCausalReading" path="/exception"/>
    ICachingDenoiser ReadCausally();
}
