namespace Cinnabar.Checkpoints;

/// <summary>Norms whose weights depend on the noise level (adaLN of diffusion transformers).</summary>
public sealed record NoiseConditioning
{
    /// <summary>Width of the vector that the noise level is made into (cond_dim).</summary>
    public required int Size { get; init; }

    /// <summary>
    /// Whether the network is told the noise level (time_conditioning); otherwise it is told that there is none. Default false.
    /// </summary>
    public bool IsTold { get; init; }
}
