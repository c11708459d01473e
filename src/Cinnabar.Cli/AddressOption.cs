using System.CommandLine;
using System.Net;

namespace Cinnabar.Cli;

/// <summary>The option that says where to listen.</summary>
internal static class AddressOption
{
    /// <summary>Refuses what is no address.</summary>
    public static void RequireAddress(this Option<string> option) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<string>() is string host && AddressOf(host) is null)
        {
            result.AddError($"Expected {option.Name} to be an IP address or localhost, found {TerminalText.Quote(host)}.");
        }
    });

    /// <summary>The address that was typed; null: it is none.</summary>
    public static IPAddress? AddressOf(string host) => host == "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(host, out IPAddress? address) ? address : null;
}
