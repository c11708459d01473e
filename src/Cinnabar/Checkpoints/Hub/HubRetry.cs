using System.Globalization;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>
/// Counts failures in a row: after each it pauses, twice as long as before (or as the server asked, at most a minute); after the sixth
/// it gives up. Whoever gets further than ever before has all attempts again.
/// </summary>
/// <param name="firstDelay">The first pause.</param>
/// <param name="told">Told a sentence before every pause; null: nobody is.</param>
internal sealed class HubRetry(TimeSpan firstDelay, Action<string>? told = null)
{
    private const int MostFailures = 6;
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromMinutes(1);

    private int _failures;
    private long _furthest;

    /// <summary>Told after how many bytes in all the work stands; bytes that came a second time are no progress.</summary>
    public void Reached(long position)
    {
        if (position > _furthest)
        {
            _furthest = position;
            _failures = 0;
        }
    }

    /// <summary>Pauses before the next attempt.</summary>
    /// <exception cref="CinnabarException">It failed too often.</exception>
    public Task WaitAsync(HubInterruption failure, CancellationToken cancellation)
    {
        _failures++;
        if (_failures == MostFailures)
        {
            throw new CinnabarException(
                $"{failure.Message} (attempt {MostFailures} of {MostFailures}).",
                "Check the network and run the same command again later; what has arrived is kept.",
                failure);
        }

        TimeSpan delay = failure.Wait ?? firstDelay * Math.Pow(2, _failures - 1);
        delay = delay < s_longestDelay ? delay : s_longestDelay;
        told?.Invoke(string.Create(
            CultureInfo.InvariantCulture,
            $"{failure.Message}; trying again in {delay.TotalSeconds:0.#} s (attempt {_failures + 1} of {MostFailures})."));
        return Task.Delay(delay, cancellation);
    }
}
