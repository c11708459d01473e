// How many steps a run may still take: MaxPasses counts passes, Deadline measures the time. Whoever is out of budget commits everything
// with the next pass, so an answer is always complete; at least one pass is made.
//
//   steps left = 1 + ⌊(what is left of the budget − what the last step takes) / what a step takes⌋
//
// Under a deadline the last step, which may compute as much as the first, is taken to be as slow as the slowest so far, and the others as
// slow as the slowest behind the first: that one alone reads a long prompt, where keys and values are kept. Until there is another it
// stands for all. Steps commit more at a time when there are fewer left than their schedule asks for. What a step takes is the time since
// the one before: a canvas in a batch also waits for the passes of others.
namespace Cinnabar.Sampling;

/// <summary>The budget of a run.</summary>
/// <param name="time">The clock.</param>
internal sealed class PassBudget(TimeProvider time)
{
    private SamplerOptions _options = new();
    private int _passesOfStep = 1;
    private int _passesOfLast = 1;
    private long _start;
    private long _last; // end of the last pass
    private TimeSpan _slowest;
    private TimeSpan _slowestLater; // behind the first; 0: there is none

    /// <summary>Passes through the network so far.</summary>
    public int Passes { get; private set; }

    /// <summary>Steps with a pass that are left; at least 1.</summary>
    public int StepsLeft
    {
        get
        {
            double left = int.MaxValue;
            if (_options.MaxPasses is int most)
            {
                left = 1 + Math.Floor((double)(most - Passes - _passesOfLast) / _passesOfStep);
            }

            if (_options.Deadline is TimeSpan deadline && Passes > 0)
            {
                TimeSpan beforeLast = deadline - time.GetElapsedTime(_start) - _slowest;
                left = Math.Min(left, 1 + Math.Floor(beforeLast / (_slowestLater > TimeSpan.Zero ? _slowestLater : _slowest)));
            }

            return (int)Math.Clamp(left, 1, int.MaxValue);
        }
    }

    /// <summary>Starts a run with these limits.</summary>
    /// <param name="options">With the limits.</param>
    /// <param name="passesOfStep">What a step takes.</param>
    /// <param name="passesOfLast">What the last one takes, which commits everything.</param>
    public void Begin(SamplerOptions options, int passesOfStep, int passesOfLast)
    {
        (_options, _passesOfStep, _passesOfLast) = (options, passesOfStep, passesOfLast);
        _start = _last = time.GetTimestamp();
        _slowest = TimeSpan.FromTicks(1); // what the time is divided by must not be 0
        _slowestLater = TimeSpan.Zero;
        Passes = 0;
    }

    /// <summary>Counts the passes of a step, which have just been made.</summary>
    /// <param name="passes">How many.</param>
    public void Spend(int passes)
    {
        long now = time.GetTimestamp();
        TimeSpan took = time.GetElapsedTime(_last, now);
        _slowest = took > _slowest ? took : _slowest;
        _slowestLater = Passes > 0 && took > _slowestLater ? took : _slowestLater;
        _last = now;
        Passes += passes;
    }
}
