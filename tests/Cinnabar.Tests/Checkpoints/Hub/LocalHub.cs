using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Cinnabar.Tests.Checkpoints.Hub;

/// <summary>A file of the repository of a <see cref="LocalHub"/>.</summary>
internal sealed record LocalFile(string Path, byte[] Content, bool IsLarge)
{
    /// <summary>As the hub names it; worked out apart from the code under test.</summary>
    public string Digest { get; init; } = Convert.ToHexStringLower(
        IsLarge ? SHA256.HashData(Content) : SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {Content.Length}\0"), .. Content]));

    public long Size { get; init; } = Content.Length;
}

/// <summary>
/// A hub with one repository "org/name" that speaks the API of huggingface.co: revision, tree, resolve with ranges. Tests change what it
/// does through <see cref="Special"/>, which may answer in its place.
/// </summary>
internal sealed class LocalHub : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly LocalServer _server;

    public LocalHub(params IEnumerable<LocalFile> files)
    {
        Files = [.. files];
        _server = new LocalServer(Answer);
    }

    public List<LocalFile> Files { get; }

    public string Address => _server.Address;

    /// <summary>May answer; null: the ordinary answer.</summary>
    public Func<LocalRequest, LocalAnswer?> Special { get; set; } = _ => null;

    /// <summary>The list of files as JSON.</summary>
    public Func<string>? Listing { get; set; }

    public IReadOnlyList<LocalRequest> Requests => [.. _server.Requests];

    /// <summary>The requests for contents.</summary>
    public IReadOnlyList<LocalRequest> Fetched => [.. Requests.Where(request => request.Path.Contains("/resolve/"))];

    /// <summary>A model as one finds them: small texts, large weights, and things that are not to be taken.</summary>
    public static List<LocalFile> Model(int weightBytes = 100_000) =>
    [
        Small(".gitattributes", "*.safetensors filter=lfs\n"),
        Small("README.md", "# A model\n"),
        Small("config.json", "{\"model_type\": \"llada\"}"),
        Small("tokenizer.json", "{\"version\": \"1.0\"}"),
        Small("tokenizer_config.json", "{}"),
        Small("modeling_llada.py", "import os"),
        Large("model.safetensors", Bytes(weightBytes)),
        Large("pytorch_model.bin", Bytes(100)),
        Large("onnx/model.safetensors", Bytes(50)),
    ];

    public static LocalFile Small(string path, string text) => new(path, Encoding.UTF8.GetBytes(text), IsLarge: false);

    public static LocalFile Large(string path, byte[] content) => new(path, content, IsLarge: true);

    public static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The ordinary answer for a file, honouring the range.</summary>
    public static LocalAnswer Content(byte[] content, long? start)
    {
        if (start is not long from)
        {
            return new LocalAnswer(200, content);
        }

        return from >= content.Length
            ? new LocalAnswer(416, [], ("Content-Range", $"bytes */{content.Length}"))
            : new LocalAnswer(206, content[(int)from..], ("Content-Range", $"bytes {from}-{content.Length - 1}/{content.Length}"));
    }

    public void Dispose() => _server.Dispose();

    private LocalAnswer Answer(LocalRequest request)
    {
        if (Special(request) is LocalAnswer special)
        {
            return special;
        }

        if (request.Path is "/api/models/org/name/revision/main" or "/api/models/org/name/revision/" + Commit
            or "/api/models/org/name/revision/refs%2Fpr%2F1")
        {
            return Json($"{{\"_id\":\"x\",\"id\":\"org/name\",\"sha\":\"{Commit}\",\"siblings\":[]}}");
        }

        if (request.Path == $"/api/models/org/name/tree/{Commit}?recursive=true")
        {
            return Json(Listing?.Invoke() ?? ListOf(Files));
        }

        string prefix = $"/org/name/resolve/{Commit}/";
        LocalFile? file = request.Path.StartsWith(prefix, StringComparison.Ordinal)
            ? Files.Find(f => f.Path == Uri.UnescapeDataString(request.Path[prefix.Length..]))
            : null;
        return file is null ? new LocalAnswer(404, "Entry not found"u8.ToArray()) : Content(file.Content, request.RangeStart);
    }

    public static LocalAnswer Json(string text, params (string Name, string Value)[] headers) =>
        new(200, Encoding.UTF8.GetBytes(text), headers);

    public static string ListOf(IEnumerable<LocalFile> files)
    {
        IEnumerable<string> folders = files.Where(f => f.Path == "onnx/model.safetensors")
            .Select(_ => $"{{\"type\":\"directory\",\"oid\":\"{new string('d', 40)}\",\"size\":0,\"path\":\"onnx\"}}");
        return $"[{string.Join(",", folders.Concat(files.Select(EntryOf)))}]";
    }

    private static string EntryOf(LocalFile file)
    {
        string path = JsonSerializer.Serialize(file.Path);
        return file.IsLarge
            ? $"{{\"type\":\"file\",\"oid\":\"{new string('e', 40)}\",\"size\":{file.Size},\"path\":{path},"
                + $"\"lfs\":{{\"oid\":\"{file.Digest}\",\"size\":{file.Size},\"pointerSize\":134}},\"xetHash\":\"{new string('f', 64)}\"}}"
            : $"{{\"type\":\"file\",\"oid\":\"{file.Digest}\",\"size\":{file.Size},\"path\":{path}}}";
    }
}
