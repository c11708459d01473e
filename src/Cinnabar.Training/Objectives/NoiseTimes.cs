using Cinnabar.Diffusion;

namespace Cinnabar.Training.Objectives;

/// <summary>The levels of noise of an optimiser step, and what each weighs in the loss.</summary>
internal sealed class NoiseTimes
{
    /// <summary>Weights 1/t, of the likelihood bound.</summary>
    public const string Elbo = "elbo";

    /// <summary>Weights 1 − t.</summary>
    public const string Linear = "linear";

    private static readonly LinearSchedule s_schedule = new();

    private readonly double[] _times;
    private readonly bool _isLinear;
    private int _next;

    /// <summary>Draws <paramref name="count"/> times, one in each of as many equal strata, in random order.</summary>
    public NoiseTimes(TrainingOptions options, int count, DeterministicRandom noise)
    {
        _times = NoiseSchedule.Times(count, noise, options.NoiseEpsilon, options.MaxMaskRate);
        noise.Shuffle(_times.AsSpan());
        _isLinear = options.TimeWeight == Linear;
    }

    /// <summary>The next of them: the probability that a token is masked, since the schedule is linear.</summary>
    public double Next() => _times[_next++];

    /// <summary>The weight of a masked token's loss at time <paramref name="t"/>.</summary>
    public double WeightOf(double t) => _isLinear ? 1 - t : s_schedule.Weight(t);
}
