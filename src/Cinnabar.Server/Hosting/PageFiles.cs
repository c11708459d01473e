using System.Reflection;
using System.Security.Cryptography;
using Cinnabar.Server.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cinnabar.Server.Hosting;

/// <summary>The page at /: files that are embedded as resources "page/…", each at its own name.</summary>
internal static class PageFiles
{
    private const string Folder = "page/";
    private const string Index = "index.html";

    private static readonly string[] s_methods = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Maps every file.</summary>
    public static void MapPage(this IEndpointRouteBuilder routes)
    {
        Assembly assembly = typeof(PageFiles).Assembly;
        foreach (string resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)))
        {
            string name = resource[Folder.Length..].Replace('\\', '/');
            byte[] content = ReadResource(assembly, resource);
            string type = TypeOf(name);
            string tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..32]}\"";
            Task Answer(HttpContext context) => AnswerAsync(context, content, type, tag);
            routes.MapMethods($"/{name}", s_methods, Answer).WithMetadata(new OpenToAll());
            if (name == Index)
            {
                routes.MapMethods("/", s_methods, Answer).WithMetadata(new OpenToAll());
            }
        }
    }

    /// <summary>The bytes of an embedded file.</summary>
    public static byte[] ReadResource(Assembly assembly, string resource)
    {
        using Stream stream = assembly.GetManifestResourceStream(resource)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static Task AnswerAsync(HttpContext context, byte[] content, string type, string tag)
    {
        context.Response.Headers.ETag = tag;
        context.Response.Headers.CacheControl = "no-cache"; // ask again, by the tag
        if (context.Request.Headers.IfNoneMatch.Any(known => known!.Contains(tag, StringComparison.Ordinal)))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        return WholeAnswer.WriteAsync(context, StatusCodes.Status200OK, type, content);
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".json" => "application/json; charset=utf-8",
        _ => "application/octet-stream",
    };
}
