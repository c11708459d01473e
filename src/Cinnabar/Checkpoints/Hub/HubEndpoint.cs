// Which addresses may be asked. The hub answers requests for large files with a redirect to another host, so a hub that was taken over
// could point anywhere; these rules keep it from reaching into the user's network:
//   the endpoint is https, or http on this machine (a mirror or a test),
//   a redirect leads to https, or to http if the endpoint itself is http on this machine,
//   a host other than the endpoint's may not have a private, link-local, loopback or otherwise special address, unless the endpoint is
//   on this machine; its name is resolved once, judged, and connected to by the judged address, so a second answer cannot differ,
//   the token goes to the endpoint's own scheme, host and port and to nobody else.
// There is no list of allowed hosts: content networks change, and every byte is verified against the hash that the hub gave.
// Special addresses: IANA IPv4 and IPv6 special-purpose registries (RFC 6890).
using System.Net;
using System.Net.Sockets;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>The address of a hub and where its redirects may lead.</summary>
internal sealed class HubEndpoint
{
    // RFC 6890 and its updates, by prefix; what is not listed is public.
    private static readonly IPNetwork[] s_special =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        ]).Select(IPNetwork.Parse),
    ];

    // These carry an IPv4 address inside, behind so many bytes: NAT64 (RFC 6052), 6to4 (RFC 3056).
    private static readonly (IPNetwork Network, int At)[] s_embedding =
        [(IPNetwork.Parse("64:ff9b::/96"), 12), (IPNetwork.Parse("2002::/16"), 2), (IPNetwork.Parse("::/96"), 12)];

    private HubEndpoint(Uri address) => Address = address;

    /// <summary>The address, ending in '/'.</summary>
    public Uri Address { get; }

    /// <summary>Whether the hub runs on this machine.</summary>
    public bool IsLoopback => Address.IsLoopback;

    /// <summary>Reads an address.</summary>
    /// <exception cref="CinnabarException">It is none, or not https.</exception>
    public static HubEndpoint Parse(string text)
    {
        bool isAddress = Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address)
            && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
            && address is { UserInfo: "", Query: "", Fragment: "" };
        return isAddress
            ? new HubEndpoint(address!)
            : throw new CinnabarException(
                $"HF_ENDPOINT: expected an https address (or http on this machine), found {ErrorText.Quote(text)}.",
                $"Set it to {HubOptions.StandardEndpoint}, or remove it.");
    }

    /// <summary>The address of a path below the endpoint, each part escaped.</summary>
    /// <param name="parts">Parts of the path; a '/' inside a part is escaped too.</param>
    public Uri At(params IEnumerable<string> parts) => new(Address, string.Join('/', parts.Select(Uri.EscapeDataString)));

    /// <summary>Whether an address is the hub's own, to which the token may go.</summary>
    public bool Owns(Uri address) =>
        address.Scheme == Address.Scheme && address.Port == Address.Port
        && string.Equals(address.IdnHost, Address.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>Where a redirect leads.</summary>
    /// <param name="from">The address that was asked.</param>
    /// <param name="location">Its answer; null: none.</param>
    /// <exception cref="CinnabarException">It leads nowhere, or where it must not.</exception>
    public Uri Follow(Uri from, string? location)
    {
        Uri? to = location is null ? null : Resolve(from, location);
        if (to is null || !(to.Scheme == Uri.UriSchemeHttps || (to.Scheme == Uri.UriSchemeHttp && Address.Scheme == Uri.UriSchemeHttp))
            || to.UserInfo.Length > 0)
        {
            throw Forbidden(from, "an https address", ErrorText.Quote(to?.GetLeftPart(UriPartial.Authority) ?? "none"));
        }

        if (IPAddress.TryParse(to.IdnHost, out IPAddress? address) && !MayConnect(to.IdnHost, address))
        {
            throw Forbidden(from, "a public address", ErrorText.Quote(to.IdnHost));
        }

        return to;
    }

    /// <summary>The address that a text in an answer stands for; null if it is none.</summary>
    public static Uri? Resolve(Uri from, string text)
    {
        // Without a kind, .NET takes "/path" for a file on Unix.
        bool isAbsolute = text.StartsWith("https:", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("http:", StringComparison.OrdinalIgnoreCase);
        return Uri.TryCreate(text, isAbsolute ? UriKind.Absolute : UriKind.Relative, out Uri? address)
            && (isAbsolute || Uri.TryCreate(from, address, out address))
            ? address
            : null;
    }

    /// <summary>Connects to the host of a request, by an address that is allowed.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        string host = context.DnsEndPoint.Host;
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(host, cancellation).ConfigureAwait(false);
        // Through a proxy the connection leads to the proxy, which the user chose and which resolves names itself.
        bool isProxy = !string.Equals(host, context.InitialRequestMessage.RequestUri?.IdnHost, StringComparison.OrdinalIgnoreCase);
        IPAddress[] allowed = [.. addresses.Where(address => isProxy || MayConnect(host, address))];
        if (addresses.Length > 0 && allowed.Length == 0)
        {
            throw Forbidden(Address, "a public address", $"{ErrorText.Quote(host)} at {addresses[0]}");
        }

        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether a host may be reached at an address.</summary>
    internal bool MayConnect(string host, IPAddress address) =>
        IsLoopback || string.Equals(host, Address.IdnHost, StringComparison.OrdinalIgnoreCase) || IsPublic(address);

    /// <summary>Whether an address belongs to the public internet.</summary>
    internal static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return IsPublic(address.MapToIPv4());
        }

        foreach ((IPNetwork network, int at) in s_embedding)
        {
            if (network.Contains(address))
            {
                return IsPublic(new IPAddress(address.GetAddressBytes().AsSpan(at, 4)));
            }
        }

        return !s_special.Any(network => network.Contains(address));
    }

    private static CinnabarException Forbidden(Uri from, string expected, string found) => new(
        $"{from.GetLeftPart(UriPartial.Path)}: expected a redirect to {expected}, found {found}.",
        "Check HF_ENDPOINT; if it is right, the hub or the network in between is not to be trusted now.");
}
