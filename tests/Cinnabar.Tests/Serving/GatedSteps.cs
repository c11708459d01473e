using Cinnabar.Sampling;

namespace Cinnabar.Tests.Serving;

/// <summary>Lets the steps of a text pass one by one: the engine's thread waits before each.</summary>
internal sealed class GatedSteps : IDisposable
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);
    private readonly SemaphoreSlim _permits = new(0);
    private readonly SemaphoreSlim _arrivals = new(0);

    public SamplerOptions Options => new() { MaxNewTokens = 8, Policy = () => new Policy(this) };

    /// <summary>Steps let through so far.</summary>
    public int Passed { get; private set; }

    /// <summary>Waits until the thread stands before a step.</summary>
    public void WaitForArrival() => Assert.True(_arrivals.Wait(s_longest), "No step came.");

    public void Let(int steps) => _permits.Release(steps);

    public void Dispose() => _permits.Release(10_000);

    private sealed class Policy(GatedSteps gate) : StepPolicy
    {
        public override double Score(TokenDistribution row, Cinnabar.Diffusion.CounterRandom random) => row.Probability;

        public override bool NeedsPass(in StepContext context)
        {
            gate._arrivals.Release();
            Assert.True(gate._permits.Wait(s_longest), "The gate stayed closed.");
            gate.Passed++;
            return true;
        }
    }
}

/// <summary>A clock that stands until it is moved.</summary>
internal sealed class StandingClock : TimeProvider
{
    private long _now = 1;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public void Advance(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks);
}
