// Which noisy positions a step commits. Every policy is two functions:
//
//   Score(row)               how sure the candidate token of a position is, higher is surer
//   Count(scores, context)   how many of the candidates, surest first, are committed
//
// Candidates are ordered by score, ties to the lower position; the Count first ones are committed. The order policies (LowConfidence,
// Random, Entropy, Margin) commit the step's quota; Origin, ConfidenceThreshold and ConfidenceFactor look at the scores as well. A
// score comes from the distribution that the reference of that policy uses: raw softmax for LowConfidence (LLaDA), tempered and
// filtered for Entropy and Margin (Dream).
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Chooses which noisy positions a step commits.</summary>
public abstract class StepPolicy
{
    /// <summary>Index of the random number that decides the order of positions: no token id.</summary>
    protected const ulong OrderNumber = ulong.MaxValue;

    /// <summary>How sure the candidate of a position is; higher is surer.</summary>
    /// <param name="row">The distribution of that position, with its candidate.</param>
    /// <param name="random">The numbers of that position in this step.</param>
    public abstract double Score(TokenDistribution row, CounterRandom random);

    /// <summary>How many candidates are committed, 0 … their number.</summary>
    /// <param name="scores">Scores of the candidates, highest first.</param>
    /// <param name="context">The step.</param>
    public virtual int Count(ReadOnlySpan<double> scores, in StepContext context) => Math.Min(context.Quota, scores.Length);

    /// <summary>False if the step commits nothing whatever the network says, so that no pass is needed.</summary>
    public virtual bool NeedsPass(in StepContext context) => context.Quota > 0;

    /// <summary>The policy that <paramref name="options"/> ask for.</summary>
    public static StepPolicy From(SamplerOptions options)
    {
        StepPolicy order = options.Remasking switch
        {
            Remasking.Random => new RandomPolicy(),
            Remasking.Entropy => new EntropyPolicy(),
            Remasking.Margin => new MarginPolicy(),
            Remasking.Origin => new OriginPolicy(),
            _ => new LowConfidencePolicy(),
        };
        return (options.Threshold, options.Factor) switch
        {
            (double threshold, _) => new ConfidenceThresholdPolicy(threshold, order),
            (_, double factor) => new ConfidenceFactorPolicy(factor, order),
            _ => order,
        };
    }
}

/// <summary>Where in its block a step stands.</summary>
/// <param name="Index">Step within the block, from 0.</param>
/// <param name="Steps">Steps of the block.</param>
/// <param name="Quota">Masks the step is to commit by the schedule; may exceed what is left.</param>
public readonly record struct StepContext(int Index, int Steps, int Quota);
