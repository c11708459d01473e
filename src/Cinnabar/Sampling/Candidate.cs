namespace Cinnabar.Sampling;

/// <summary>The token drawn for a noisy position, not committed yet.</summary>
/// <param name="Position">Index into the canvas.</param>
/// <param name="TokenId">The token.</param>
/// <param name="Probability">Its probability: softmax of the logits at temperature 1, unfiltered.</param>
/// <param name="Score">How sure the policy is of it; −∞: an end token that has to wait.</param>
public readonly record struct Candidate(int Position, int TokenId, double Probability, double Score);

/// <summary>What the network thinks, in this step, of a committed position.</summary>
/// <param name="Position">Index into the canvas.</param>
/// <param name="TokenId">The token that stands there.</param>
/// <param name="Probability">The probability of that token now.</param>
/// <param name="BestTokenId">The most probable token of the position.</param>
/// <param name="BestProbability">Its probability.</param>
public readonly record struct Review(int Position, int TokenId, double Probability, int BestTokenId, double BestProbability);
