namespace Cinnabar.Latents;

/// <summary>
/// How a text is written through latents, beside the steps, the guidance and the seed of <see cref="Sampling.SamplerOptions"/>.
/// </summary>
public sealed record LatentOptions
{
    /// <summary>How a step is taken. Default <see cref="LatentMethod.DpmSolver"/>.</summary>
    public LatentMethod Method { get; init; } = LatentMethod.DpmSolver;

    /// <summary>Whether latents are decoded as they are, where the model has codes they could become. Default false.</summary>
    public bool Raw { get; init; }

    /// <summary>Checks every option.</summary>
    /// <exception cref="CinnabarException">The method is none.</exception>
    public void Validate()
    {
        if (!Enum.IsDefined(Method))
        {
            throw new CinnabarException(
                $"Expected the option Latents.Method to be {string.Join(", ", Enum.GetNames<LatentMethod>())}, found {Method}.",
                "Change Method.");
        }
    }
}
