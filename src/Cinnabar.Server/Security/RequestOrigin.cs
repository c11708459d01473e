// Who may talk to a server that listens on loopback only. Any web page can make the browser of this machine send requests here:
//   DNS rebinding       evil.example resolves to 127.0.0.1: the Host header then says evil.example    → only our own names are accepted
//   cross-site requests a page of another origin posts to http://127.0.0.1:5317                        → Origin, if sent, must be ours
// There are no CORS headers, so a page of another origin can read nothing. Names are compared as whole strings, with the port: what is
// not parsed cannot be parsed wrongly.
using System.Net;
using System.Net.Sockets;

namespace Cinnabar.Server.Security;

/// <summary>Checks the Host and Origin headers of requests.</summary>
/// <param name="address">What the server listens on.</param>
internal sealed class RequestOrigin(IPAddress address)
{
    private const int HttpPort = 80; // a Host header without a port means this one

    private readonly string[] _names =
    [
        "localhost", "127.0.0.1", "[::1]", Environment.MachineName,
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : $"{address}",
    ];

    /// <summary>Throws if the request is none of ours.</summary>
    /// <param name="host">The Host header.</param>
    /// <param name="origin">The Origin header; null: there is none.</param>
    /// <param name="port">Port that the request came in at.</param>
    /// <exception cref="ApiException">403.</exception>
    public void Require(string host, string? origin, int port)
    {
        if (IPAddress.IsLoopback(address) && !IsOwn(host, port))
        {
            throw new ApiException(
                403,
                "permission_error",
                $"Expected the Host header to name this machine (localhost:{port}), found another name. Use http://localhost:{port}, or "
                + "let the server listen on an address of the network with --host and an API key.",
                code: "host_not_allowed");
        }

        if (origin is not null && !string.Equals(origin, $"http://{host}", StringComparison.OrdinalIgnoreCase))
        {
            throw new ApiException(
                403,
                "permission_error",
                "Expected a request of the server's own page or of a program, found one of another web page (its Origin header is not "
                + "this server's address). Send requests from a program, without an Origin header.",
                code: "origin_not_allowed");
        }
    }

    private bool IsOwn(string host, int port) => _names.Any(name =>
        string.Equals(host, $"{name}:{port}", StringComparison.OrdinalIgnoreCase)
        || (port == HttpPort && string.Equals(host, name, StringComparison.OrdinalIgnoreCase)));
}
