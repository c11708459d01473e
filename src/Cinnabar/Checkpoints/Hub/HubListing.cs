// The list of files of a repository, page by page, from GET api/models/{org}/{name}/tree/{commit}?recursive=true:
//   [{"type": "file" | "directory", "path": text, "size": bytes, "oid": git blob hash,
//     "lfs": {"oid": SHA-256, "size": bytes, …}?, …}, …]
// The next page is in the header Link: <address>; rel="next". Fields: huggingface.js, packages/hub, ListFileEntry. Sizes and hashes are
// checked here; whether a path may be used is decided where a file is chosen (HubSelection), since a stranger's name that nobody wants
// does no harm.
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Reads pages of a file list.</summary>
internal static partial class HubListing
{
    /// <summary>Most files of a repository, all pages together.</summary>
    public const int MaxFiles = 100_000;

    private const int GitDigits = 40;
    private const int Sha256Digits = 64;
    private const string FetchAgain = "Check HF_ENDPOINT, or try again later: this is not how the hub answers.";

    /// <summary>The files of one page.</summary>
    /// <param name="what">Name for messages.</param>
    /// <param name="json">The page.</param>
    /// <exception cref="CinnabarException">It is not a list of files.</exception>
    public static List<HubFile> Parse(string what, byte[] json)
    {
        try
        {
            if (!Utf8.IsValid(json))
            {
                throw Broken(what, "UTF-8 text", "an invalid byte sequence");
            }

            using JsonDocument document = JsonDocument.Parse(
                json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 16 });
            return document.RootElement.ValueKind == JsonValueKind.Array
                ? [.. document.RootElement.EnumerateArray().Select(entry => FileOf(what, entry)).OfType<HubFile>()]
                : throw Broken(what, "a list", document.RootElement.ValueKind.ToString());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: the escape of half a surrogate pair, or a text where an object should be.
            throw Broken(what, "a list of files in JSON", "something else", e);
        }
    }

    /// <summary>The address of the next page; null on the last.</summary>
    public static string? NextOf(HttpResponseHeaders headers) =>
        HubConnection.ValueOf(headers, "Link") is string links && NextLink().Match(links) is { Success: true } match
            ? match.Groups[1].Value
            : null;

    private static HubFile? FileOf(string what, JsonElement entry)
    {
        if (Text(what, entry, "type") != "file")
        {
            return null;
        }

        string path = Text(what, entry, "path");
        bool isLarge = entry.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind != JsonValueKind.Null;
        JsonElement contents = isLarge ? lfs : entry;
        string digest = Text(what, contents, "oid");
        if (digest.Length != (isLarge ? Sha256Digits : GitDigits) || !digest.All(char.IsAsciiHexDigitLower))
        {
            string expected = $"a hash of {ErrorText.Quote(path)} with {(isLarge ? Sha256Digits : GitDigits)} digits";
            throw Broken(what, expected, ErrorText.Quote(digest));
        }

        return contents.TryGetProperty("size", out JsonElement size) && size.ValueKind == JsonValueKind.Number
            && size.TryGetInt64(out long bytes) && bytes >= 0
            ? new HubFile(path, bytes, digest)
            : throw Broken(what, $"a size of {ErrorText.Quote(path)} in bytes", ErrorText.Quote(size.ToString()));
    }

    private static string Text(string what, JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw Broken(what, $"the text {key} for each file", "none");

    private static CinnabarException Broken(string what, string expected, string found, Exception? inner = null) =>
        new($"{what}: the list of its files: expected {expected}, found {found}.", FetchAgain, inner);

    [GeneratedRegex("""<([^<>]+)>\s*;[^<>,]*\brel="?next"?""", RegexOptions.CultureInvariant)]
    private static partial Regex NextLink();
}
