// How many passes a run may still take: MaxPasses counts them, Deadline measures the time. Whoever is out of budget commits everything with
// the next pass, so an answer is always complete; at least one pass is made. Under a deadline the number of passes left is estimated
// from the slowest pass so far, and the steps commit more at a time when there are fewer passes than their schedule asks for.
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>The budget of one run.</summary>
/// <param name="options">The limits.</param>
/// <param name="time">The clock.</param>
internal sealed class PassBudget(SamplerOptions options, TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _slowest;

    /// <summary>Passes through the network so far.</summary>
    public int Passes { get; private set; }

    /// <summary>Passes of one step: two with guidance.</summary>
    public int PassesPerStep => options.CfgScale > 0 ? 2 : 1;

    /// <summary>Steps with a pass that are left; at least 1.</summary>
    public int StepsLeft
    {
        get
        {
            double left = int.MaxValue;
            if (options.MaxPasses is int most)
            {
                left = (most - Passes) / PassesPerStep;
            }

            if (options.Deadline is TimeSpan deadline && Passes > 0)
            {
                left = Math.Min(left, Math.Floor((deadline - time.GetElapsedTime(_start)) / _slowest));
            }

            return (int)Math.Clamp(left, 1, int.MaxValue);
        }
    }

    /// <summary>Runs the passes of a step and counts them.</summary>
    public Tensor Spend(Func<Tensor> step)
    {
        long begin = time.GetTimestamp();
        Tensor logits = step();
        Passes += PassesPerStep;
        TimeSpan took = time.GetElapsedTime(begin);
        _slowest = took > _slowest ? took : _slowest;
        _slowest = _slowest > TimeSpan.Zero ? _slowest : TimeSpan.FromTicks(1);
        return logits;
    }
}
