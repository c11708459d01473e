using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Cinnabar.Server.Security;

/// <summary>Marks an endpoint that needs no key: the server's health, and the files of its page.</summary>
internal sealed class OpenToAll;

/// <summary>Lets through what needs no key or brings one; without keys, everything, whatever its Authorization header says.</summary>
/// <param name="next">What is behind it.</param>
/// <param name="options">The keys.</param>
/// <param name="time">The clock of wrong keys.</param>
internal sealed class KeyGate(RequestDelegate next, ServerOptions options, TimeProvider time)
{
    private const string Scheme = "Bearer ";

    private readonly BadKeyCounter _badKeys = new(options.MaxBadKeys, time);

    public Task InvokeAsync(HttpContext context)
    {
        if (options.Keys.Count > 0 && context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is null)
        {
            RequireKey(context);
        }

        return next(context);
    }

    private void RequireKey(HttpContext context)
    {
        StringValues header = context.Request.Headers.Authorization;
        if (header.Count == 0)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            throw Refused("Expected the header 'Authorization: Bearer KEY', found none. Send a key of this server.");
        }

        if (_badKeys.SecondsShutOut(context.Connection.RemoteIpAddress) is int seconds)
        {
            throw new ApiException(
                429,
                "rate_limit_error",
                $"Expected at most {options.MaxBadKeys} wrong API keys a minute from an address, found more. Try again in {seconds} s.",
                code: "too_many_bad_keys")
            {
                RetryAfter = seconds,
            };
        }

        string text = header.ToString();
        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) || !options.Keys.Contains(text[Scheme.Length..].Trim()))
        {
            _badKeys.Add(context.Connection.RemoteIpAddress);
            context.Response.Headers.WWWAuthenticate = "Bearer";
            throw Refused("Expected the header 'Authorization: Bearer KEY' with a key of this server, found another. Check the key.");
        }
    }

    private static ApiException Refused(string message) => new(401, "invalid_request_error", message, code: "invalid_api_key");
}
