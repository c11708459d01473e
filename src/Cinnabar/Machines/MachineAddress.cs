using System.Globalization;
using Cinnabar.Checkpoints;

namespace Cinnabar.Machines;

/// <summary>Where a machine that computes layers is reached.</summary>
/// <param name="Host">Name or IP address.</param>
/// <param name="Port">1 … 65,535.</param>
/// <param name="Layers">How many layers it is to take; null: a share in proportion to its memory.</param>
public sealed record MachineAddress(string Host, int Port, int? Layers)
{
    private const int MostLayers = 1 << 10;

    /// <summary>Reads host, host:port or [IPv6 address]:port, each with =layers behind it or not.</summary>
    /// <exception cref="CinnabarException">It is none.</exception>
    public static MachineAddress Parse(string text)
    {
        string address = text.Trim();
        int? layers = null;
        int equals = address.LastIndexOf('=');
        if (equals >= 0)
        {
            layers = Number(address[(equals + 1)..], MostLayers);
            address = layers is null ? "" : address[..equals];
        }

        // The colons of an IPv6 address stand in brackets, or there is no port.
        int colon = address.LastIndexOf(':');
        bool hasBrackets = address.StartsWith('[');
        bool hasPort = hasBrackets ? colon == address.IndexOf(']') + 1 : colon >= 0 && address.IndexOf(':') == colon;
        int? port = hasPort ? Number(address[(colon + 1)..], ushort.MaxValue) : MachineProtocol.DefaultPort;
        string host = hasPort ? address[..colon] : address;
        host = hasBrackets && host.EndsWith(']') ? host[1..^1] : host;
        return port is int known && host.IndexOfAny(['[', ']']) < 0 && Uri.CheckHostName(host) != UriHostNameType.Unknown
            ? new MachineAddress(host, known, layers)
            : throw new CinnabarException(
                $"Expected a machine as host, host:port or host:port=layers, found {ErrorText.Quote(text)}.",
                "Give the address that 'cinnabar worker' shows there.");
    }

    /// <inheritdoc/>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static int? Number(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= most
            ? number
            : null;
}
