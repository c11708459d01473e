using System.Net;
using Cinnabar.Server.Security;

namespace Cinnabar.Server;

/// <summary>Where a server listens, who may use it, and its limits. Times are 1 ms … a day, where they do not say otherwise.</summary>
public sealed record ServerOptions
{
    /// <summary>Nesting of JSON bodies; deeper ones are refused.</summary>
    public const int MaxJsonDepth = 64;

    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1); // timers of the runtime end at 49 days

    /// <summary>Address it listens on; by default only programs of this machine reach it.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Port, 0 … 65,535; 0: a free one.</summary>
    public int Port { get; init; } = 5317;

    /// <summary>Who may use it; <see cref="ApiKeys.None"/>: everybody who reaches it.</summary>
    public ApiKeys Keys { get; init; } = ApiKeys.None;

    /// <summary>Lets a server without keys listen to other machines.</summary>
    public bool AllowsAnybody { get; init; }

    /// <summary>Wrong keys an address may send in a minute, at least 1; then its keys are not looked at until the minute is over.</summary>
    public int MaxBadKeys { get; init; } = 10;

    /// <summary>Connections at once, at least 1; further ones are closed.</summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Bytes of a request's body, at least 1.</summary>
    public int MaxBodyBytes { get; init; } = 4 << 20;

    /// <summary>Time for a request's line and headers.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time that a connection may be idle between requests.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Time that a body may stall, more than a second, at most a day; after it, it must arrive with 240 bytes a second.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time that a client may take for a piece of the answer; then its connection is closed.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time from a request to its answer; then it is given up.</summary>
    public TimeSpan WallTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A stream that has had nothing to say for so long sends a comment, so that nobody thinks it dead.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Time for requests in work when the server stops, at most a minute; then they are ended with an error.</summary>
    public TimeSpan StopWithin { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Writes a line for each request.</summary>
    public bool LogsRequests { get; init; } = true;

    /// <summary>Whether only programs of this machine reach it.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(Address);

    /// <summary>Throws if an option is out of range, or if anybody could use the server from elsewhere.</summary>
    /// <exception cref="CinnabarException">It names the option, the range and what was found.</exception>
    public void Validate()
    {
        Check(Port is >= 0 and <= 65_535, nameof(Port), "0 … 65535", Port);
        Check(MaxBadKeys >= 1, nameof(MaxBadKeys), "1 or more", MaxBadKeys);
        Check(MaxConnections >= 1, nameof(MaxConnections), "1 or more", MaxConnections);
        Check(MaxBodyBytes >= 1, nameof(MaxBodyBytes), "1 or more", MaxBodyBytes);
        CheckTime(HeadersTimeout, nameof(HeadersTimeout));
        CheckTime(KeepAliveTimeout, nameof(KeepAliveTimeout));
        bool isLong = BodyTimeout > TimeSpan.FromSeconds(1) && BodyTimeout <= s_longest;
        Check(isLong, nameof(BodyTimeout), "greater than 1 s, at most a day", BodyTimeout);
        CheckTime(WriteTimeout, nameof(WriteTimeout));
        CheckTime(WallTime, nameof(WallTime));
        CheckTime(PingInterval, nameof(PingInterval));
        bool isShort = StopWithin >= TimeSpan.Zero && StopWithin <= TimeSpan.FromMinutes(1);
        Check(isShort, nameof(StopWithin), "0 … 1 min", StopWithin);
        if (!IsLoopback && Keys.Count == 0 && !AllowsAnybody)
        {
            throw new CinnabarException(
                $"Expected an API key for a server that other machines reach (it would listen on {Address}), found none.",
                "Set CINNABAR_API_KEY, give --api-key-file, or accept that anybody may use it with --insecure-no-auth.");
        }
    }

    private static void CheckTime(TimeSpan found, string option) =>
        Check(found >= s_shortest && found <= s_longest, option, "1 ms … a day", found);

    private static void Check(bool holds, string option, string range, object found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the option {option} to be {range}, found {found}.", $"Change {option}.");
        }
    }
}
