using System.Net;
using System.Net.Sockets;

namespace Cinnabar.Server.Security;

/// <summary>Counts the wrong keys of every address (of every /64 network with IPv6) within a minute. Thread-safe.</summary>
/// <param name="most">Wrong keys in a minute after which an address is shut out until the minute is over.</param>
/// <param name="time">The clock.</param>
internal sealed class BadKeyCounter(int most, TimeProvider time)
{
    private const int MostAddresses = 4096;

    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);

    private readonly Dictionary<IPAddress, (long Since, int Count)> _counts = [];

    /// <summary>Seconds until keys of this address are looked at again; null: they are.</summary>
    public int? SecondsShutOut(IPAddress? address)
    {
        lock (_counts)
        {
            (long Since, int Count) entry = _counts.GetValueOrDefault(PlaceOf(address));
            return entry.Count >= most && Left(entry) > TimeSpan.Zero ? (int)Math.Ceiling(Left(entry).TotalSeconds) : null;
        }
    }

    /// <summary>Counts a wrong key.</summary>
    public void Add(IPAddress? address)
    {
        lock (_counts)
        {
            IPAddress place = PlaceOf(address);
            (long Since, int Count) entry = _counts.GetValueOrDefault(place);
            bool isOver = entry.Count == 0 || Left(entry) <= TimeSpan.Zero;
            _counts[place] = isOver ? (time.GetTimestamp(), 1) : (entry.Since, entry.Count + 1);
        }
    }

    private TimeSpan Left((long Since, int Count) entry) => s_window - time.GetElapsedTime(entry.Since);

    // Where the address is counted: among too many different ones all new ones share a place, so that memory stays bounded.
    private IPAddress PlaceOf(IPAddress? address)
    {
        IPAddress place = NetworkOf(address ?? IPAddress.None);
        if (_counts.Count >= MostAddresses && !_counts.ContainsKey(place))
        {
            foreach ((IPAddress old, (long, int) entry) in _counts)
            {
                if (Left(entry) <= TimeSpan.Zero)
                {
                    _counts.Remove(old);
                }
            }
        }

        return _counts.Count < MostAddresses || _counts.ContainsKey(place) ? place : IPAddress.None;
    }

    // Who has an IPv6 address has a whole network of them.
    private static IPAddress NetworkOf(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        byte[] bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
