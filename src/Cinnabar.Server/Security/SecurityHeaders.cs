using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Security;

/// <summary>
/// What browsers are told with every answer: nothing but the server's own scripts and styles runs, and no other page reads.
/// </summary>
internal static class SecurityHeaders
{
    public const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; "
        + "frame-ancestors 'none'; base-uri 'none'";

    /// <summary>Sets the headers; an endpoint may replace Cache-Control.</summary>
    public static void Set(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }
}
