namespace Cinnabar.Models;

/// <summary>What the noise of a network is: the entries of the table in Diffusion/Corruption.cs.</summary>
public enum NoiseKind
{
    /// <summary>The mask token.</summary>
    Mask,

    /// <summary>Random tokens.</summary>
    Uniform,

    /// <summary>Numbers added to latents.</summary>
    Gaussian,
}

/// <summary>What follows from the noise of a network.</summary>
public static class NoiseKinds
{
    /// <summary>What the noise is, in words.</summary>
    public static string InWords(this NoiseKind noise) => noise switch
    {
        NoiseKind.Mask => "the mask token",
        NoiseKind.Uniform => "random tokens",
        _ => "Gaussian, on latents",
    };

    /// <summary>Throws if the noise of a network is not its mask token.</summary>
    /// <param name="network">The network.</param>
    /// <param name="purpose">What it is wanted for.</param>
    /// <exception cref="CinnabarException">Its noise is another.</exception>
    public static void RequireMask(this IDenoiser network, string purpose)
    {
        if (network.Noise != NoiseKind.Mask)
        {
            throw new CinnabarException(
                $"Expected for {purpose} a network whose noise is the mask token, found one whose noise is {network.Noise.InWords()}.",
                "Use another model, or let this one continue a text.");
        }
    }
}
