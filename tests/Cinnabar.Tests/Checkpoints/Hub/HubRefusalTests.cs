using Cinnabar.Checkpoints.Hub;
using static Cinnabar.Tests.Checkpoints.Hub.LocalHub;

namespace Cinnabar.Tests.Checkpoints.Hub;

// What a hub must not get away with: wrong contents, redirects, hostile lists.
public sealed class HubRefusalTests : HubTest
{
    private const string Weights = "model.safetensors";
    private const string OtherDigest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    [Theory]
    [InlineData(401, "the token was not accepted", "HF_TOKEN")]
    [InlineData(403, "access is refused", "Accept the terms of the model")]
    [InlineData(404, "there is no such model, revision or file", "Check the name")]
    [InlineData(400, "the hub refuses", "HF_ENDPOINT")]
    [InlineData(204, "the hub refuses", "HF_ENDPOINT")]
    [InlineData(304, "the hub refuses", "HF_ENDPOINT")]
    public async Task Pull_Refused_SaysWhyAtOnce(int status, string expected, string remedy)
    {
        Hub.Special = _ => new LocalAnswer(status, []);
        string error = await RefusedAsync();
        Assert.Contains($"found status {status}: {expected}", error, StringComparison.Ordinal);
        Assert.Contains(remedy, error, StringComparison.Ordinal);
        Assert.Single(Hub.Requests);
        Assert.False(Directory.Exists(CacheFolder));
    }

    [Fact]
    public async Task Pull_RefusedWithoutToken_AsksForOne()
    {
        Hub.Special = request => request.Path.Contains("/resolve/") ? new LocalAnswer(401, []) : null;
        string error = await RefusedAsync(options: Options with { Token = null });
        Assert.Contains("no such model, or it is private or gated", error, StringComparison.Ordinal);
        Assert.Contains($"{Hub.Address}/org/name and set HF_TOKEN", error, StringComparison.Ordinal);
        Assert.Null(Hub.Requests[0].Header("Authorization"));
    }

    [Theory]
    [InlineData(Weights)]
    [InlineData("config.json")]
    public async Task Pull_OneBitWrong_IsRefusedAndRemoved(string path)
    {
        byte[] content = [.. Hub.Files.Find(file => file.Path == path)!.Content];
        content[content.Length / 2] ^= 4;
        Hub.Special = request => request.Path.EndsWith("/" + path, StringComparison.Ordinal) ? new LocalAnswer(200, content) : null;

        string error = await RefusedAsync();

        string digest = Hub.Files.Find(file => file.Path == path)!.Digest;
        Assert.Contains($"file '{path}': expected the hash {digest}", error, StringComparison.Ordinal);
        AssertNothingTaken(path);
    }

    [Theory]
    [InlineData(99_999, true, "sent 99999 bytes of 'model.safetensors' instead of the 100000 that it was asked for (attempt 6 of 6)")]
    [InlineData(100_001, true, "sent 100001 bytes of 'model.safetensors' instead of the 100000")]
    [InlineData(100_001, false, "expected 100000 bytes, found more")]
    public async Task Pull_WrongSize_IsRefusedAndRemoved(int size, bool hasLength, string expected)
    {
        byte[] content = Bytes(size);
        Hub.Special = request => request.Path.EndsWith("/" + Weights, StringComparison.Ordinal)
            ? new LocalAnswer(200, content) { HasLength = hasLength }
            : null;

        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
        AssertNothingTaken(Weights);
    }

    [Fact]
    public async Task Pull_RedirectToAnotherHost_WithoutTheToken()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        int cuts = 0;
        using LocalServer network = new(request => Content(content, request.RangeStart) with { CutAfter = cuts++ == 0 ? 1_000 : null });
        RedirectWeights(
            $"{network.Address}/x?signature=a%2Fb", ("X-Linked-Size", "100000"), ("X-Linked-Etag", $"\"{DigestOfWeights}\""));

        await PullAsync();

        AssertSnapshotIsWhole();
        Assert.Equal(["/x?signature=a%2Fb", "/x?signature=a%2Fb"], network.Requests.Select(request => request.Path));
        Assert.Equal([null, 1_000], network.Requests.Select(request => request.RangeStart));
        Assert.All(network.Requests, request => Assert.Null(request.Header("Authorization")));
        Assert.All(network.Requests, request => Assert.DoesNotContain("hf_secret", string.Join('|', request.Headers.Values)));
        Assert.All(Hub.Requests, request => Assert.Equal("Bearer hf_secret", request.Header("Authorization")));
    }

    [Fact]
    public async Task Pull_RedirectOnTheSameHost_KeepsTheToken()
    {
        // As after the renaming of a repository.
        Hub.Special = request => request.Path.StartsWith("/api/models/org/name/revision", StringComparison.Ordinal)
            ? new LocalAnswer(307, [], ("Location", "/moved?x=1"))
            : request.Path == "/moved?x=1" ? Json($"{{\"sha\":\"{Commit}\"}}") : null;

        await PullAsync();

        AssertSnapshotIsWhole();
        Assert.Equal("Bearer hf_secret", Hub.Requests.Single(request => request.Path == "/moved?x=1").Header("Authorization"));
    }

    [Theory]
    [InlineData("X-Linked-Size", "99999", "expected 100000 bytes, found '99999'")]
    [InlineData("X-Linked-Etag", $"\"{OtherDigest}\"", $"found '{OtherDigest}'")]
    public async Task Pull_HubContradictsItsList_IsRefusedBeforeFetching(string header, string value, string expected)
    {
        using LocalServer network = new(_ => new LocalAnswer(500, []));
        RedirectWeights(network.Address, (header, value));
        Assert.Contains(expected, await RefusedAsync(), StringComparison.Ordinal);
        Assert.Empty(network.Requests);
    }

    [Fact]
    public async Task Pull_HubContradictsItsList_KeepsThePart()
    {
        Directory.CreateDirectory(Path.Combine(Repository, "blobs"));
        File.WriteAllBytes(BlobOf(Weights) + ".incomplete", Hub.Files.Find(file => file.Path == Weights)!.Content[..30_000]);
        using LocalServer network = new(_ => new LocalAnswer(500, []));
        RedirectWeights(network.Address, ("X-Linked-Size", "99999"));
        Assert.Contains("What has arrived is kept", await RefusedAsync(), StringComparison.Ordinal);
        Assert.Equal(30_000, new FileInfo(BlobOf(Weights) + ".incomplete").Length);
    }

    [Theory]
    [InlineData("ftp://example.com/x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://user:password@example.com/x")]
    [InlineData("http://[")]
    [InlineData(null)]
    public async Task Pull_RedirectNowhere_IsRefused(string? location)
    {
        RedirectWeights(location);
        Assert.Contains("expected a redirect to an https address", await RefusedAsync(), StringComparison.Ordinal);
        AssertNothingTaken(Weights);
    }

    [Fact]
    public async Task Pull_RedirectsInACircle_AreRefused()
    {
        Hub.Special = request => new LocalAnswer(302, [], ("Location", request.Path));
        Assert.Contains("at most 5 redirects", await RefusedAsync(), StringComparison.Ordinal);
        Assert.Equal(6, Hub.Requests.Count);
    }

    [Fact]
    public async Task Pull_HostileNamesInTheList_WriteNothing()
    {
        Directory.CreateDirectory(CacheFolder);
        foreach (string path in HostilePaths.All)
        {
            Hub.Listing = () => ListOf([.. Hub.Files, Large(path, [1])]);
            string error = await RefusedAsync();
            Assert.Contains("expected names of files within the repository", error, StringComparison.Ordinal);
        }

        Assert.Empty(Hub.Fetched);
        Assert.Empty(Directory.GetFileSystemEntries(CacheFolder));
        Assert.Equal([CacheFolder], Directory.GetFileSystemEntries(Root));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[3]")]
    [InlineData("[null]")]
    [InlineData("[[]]")]
    [InlineData("[{}]")]
    [InlineData("[{\"type\":\"file\"}]")]
    [InlineData("[{\"type\":3,\"path\":\"a\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":1}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"../../x\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"0123456789ABCDEF0123456789abcdef01234567\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":-1,\"oid\":\"0123456789abcdef0123456789abcdef01234567\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":1e99,\"oid\":\"0123456789abcdef0123456789abcdef01234567\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":\"1\",\"oid\":\"0123456789abcdef0123456789abcdef01234567\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"oid\":\"0123456789abcdef0123456789abcdef01234567\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"x\",\"lfs\":3}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"x\",\"lfs\":{\"oid\":\"0123456789abcdef0123456789abcdef\"}}]")]
    [InlineData("[{\"type\":\"file\",\"type\":\"file\"}]")]
    [InlineData("[{\"type\":\"file\",\"path\":\"\\ud800\"}]")]
    [InlineData("[{\"type\":\"file\"")]
    [InlineData("<html>captive portal</html>")]
    [InlineData("")]
    public async Task Pull_BrokenList_IsRefused(string json)
    {
        Hub.Listing = () => json;
        Assert.Contains("org/name: the list of its files: expected", await RefusedAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"sha\":3}")]
    [InlineData("{\"sha\":\"main\"}")]
    [InlineData("{\"sha\":\"../../../../../../../../../../../../../../x\"}")]
    [InlineData("{\"sha\":\"0123456789ABCDEF0123456789ABCDEF01234567\"}")]
    [InlineData("<html>")]
    public async Task Pull_BrokenRevision_IsRefused(string json)
    {
        Hub.Special = request => request.Path.Contains("/revision/") ? Json(json) : null;
        Assert.StartsWith("org/name", await RefusedAsync(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(CacheFolder));
    }

    [Fact]
    public async Task Pull_AnotherCommitThanAskedFor_IsRefused()
    {
        string other = new('9', 40);
        Hub.Special = request => request.Path.Contains("/revision/") ? Json($"{{\"sha\":\"{Commit}\"}}") : null;
        Assert.Contains("expected the commit", await RefusedAsync($"org/name@{other}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_EndlessList_IsRefused()
    {
        Hub.Listing = () => new string(' ', 17 << 20);
        Assert.Contains("at most 16777216 bytes", await RefusedAsync(), StringComparison.Ordinal);
    }

    private string DigestOfWeights => Hub.Files.Find(file => file.Path == Weights)!.Digest;

    private void RedirectWeights(string? location, params (string Name, string Value)[] headers) => Hub.Special = request =>
        request.Path.EndsWith("/" + Weights, StringComparison.Ordinal)
            ? new LocalAnswer(302, [], [.. headers, .. location is null ? [] : new[] { ("Location", location) }])
            : null;

    private void AssertNothingTaken(string path)
    {
        Assert.False(File.Exists(BlobOf(path)));
        Assert.False(File.Exists(BlobOf(path) + ".incomplete"));
        Assert.False(Directory.Exists(Snapshot));
        Assert.Null(new HubCache(CacheFolder).FindSnapshot(ModelReference.Parse("org/name")));
    }
}
