namespace Cinnabar.Diffusion;

/// <summary>A noisy position that got its token.</summary>
/// <param name="Position">Index into the canvas.</param>
/// <param name="TokenId">The token.</param>
/// <param name="Confidence">
/// Probability of the token at that position when it was committed: softmax of the logits at temperature 1, unfiltered, over the ids
/// that may be emitted.
/// </param>
public readonly record struct Commit(int Position, int TokenId, float Confidence);
