using Cinnabar.Checkpoints.Hub;
using static Cinnabar.Tests.Checkpoints.Hub.LocalHub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class HubClientTests : HubTest
{
    [Fact]
    public async Task Pull_NewModel_FillsTheSharedLayout()
    {
        HubSnapshot snapshot = await PullAsync();

        Assert.Equal(Snapshot, snapshot.Path);
        Assert.Equal(Commit, snapshot.Commit);
        AssertSnapshotIsWhole();
        string[] taken = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
        Assert.Equal(taken, Directory.GetFiles(Snapshot).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.Equal(taken.Order(), Hub.Fetched.Select(request => request.Path.Split('/')[^1]).Order());
        Assert.Equal(snapshot.ReceivedBytes, snapshot.Files.Sum(file => file.Size));
        FileSystemInfo? target = File.ResolveLinkTarget(Path.Combine(Snapshot, "config.json"), returnFinalTarget: true);
        Assert.Equal(BlobOf("config.json"), Path.GetFullPath(target!.FullName));
        Assert.Equal(40, Path.GetFileName(BlobOf("config.json")).Length);
        Assert.Equal(64, Path.GetFileName(BlobOf("model.safetensors")).Length);
        Assert.Equal(Snapshot, new HubCache(CacheFolder).FindSnapshot(ModelReference.Parse("org/name")));
        Assert.All(Hub.Requests, request => Assert.Equal("Bearer hf_secret", request.Header("Authorization")));
    }

    [Fact]
    public async Task Pull_Again_FetchesNothing()
    {
        await PullAsync();
        int before = Hub.Fetched.Count;

        HubSnapshot snapshot = await PullAsync();

        Assert.Equal(0, snapshot.ReceivedBytes);
        Assert.Equal(before, Hub.Fetched.Count);
        AssertSnapshotIsWhole();
    }

    [Fact]
    public async Task Pull_BlobLostAndLinkDangling_FetchesItAgain()
    {
        await PullAsync();
        File.Delete(BlobOf("model.safetensors"));

        HubSnapshot snapshot = await PullAsync();

        Assert.Equal(100_000, snapshot.ReceivedBytes);
        AssertSnapshotIsWhole();
    }

    [Theory]
    [InlineData("org/name@" + Commit, null)]
    [InlineData("org/name@refs/pr/1", "refs/pr/1")]
    public async Task Pull_Revision_PointsAtTheSnapshot(string model, string? reference)
    {
        HubSnapshot snapshot = await PullAsync(model);

        Assert.Equal(Snapshot, snapshot.Path);
        Assert.Equal(Snapshot, new HubCache(CacheFolder).FindSnapshot(ModelReference.Parse(model)));
        Assert.Null(new HubCache(CacheFolder).FindSnapshot(ModelReference.Parse("org/name")));
        Assert.Equal(reference is not null, Directory.Exists(Path.Combine(Repository, "refs")));
        Assert.True(reference is null || File.ReadAllText(Path.Combine(Repository, "refs", reference)) == Commit);
    }

    [Fact]
    public async Task Pull_WithoutLinks_Copies()
    {
        HubClient client = new(Options)
        {
            Cache = new HubCache(CacheFolder) { Link = (_, _) => throw new UnauthorizedAccessException() },
        };

        await client.PullAsync(ModelReference.Parse("org/name"));

        AssertSnapshotIsWhole();
        Assert.All(Directory.GetFiles(Snapshot), path => Assert.Null(new FileInfo(path).LinkTarget));
        // Other programs move the blob into the snapshot instead of copying; then nothing is missing either.
        File.Delete(BlobOf("model.safetensors"));
        Assert.Equal(0, (await client.PullAsync(ModelReference.Parse("org/name"))).ReceivedBytes);
    }

    [Fact]
    public async Task Pull_TooLittleRoom_SaysSoBeforeFetching()
    {
        HubClient client = new(Options) { Cache = new HubCache(CacheFolder) { FreeBytes = _ => 1_000 } };

        CinnabarException error =
            await Assert.ThrowsAsync<CinnabarException>(() => client.PullAsync(ModelReference.Parse("org/name")));

        Assert.Contains("GB free on the disk for org/name", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hub.Fetched);
    }

    [Fact]
    public async Task Pull_TwoAtOnce_FetchEachFileOnce()
    {
        using ManualResetEventSlim bothHere = new();
        Hub.Special = request =>
        {
            // The second client has listed the files, or waits for the lock, when the first one's weights come.
            Assert.True(!request.Path.EndsWith("/model.safetensors", StringComparison.Ordinal) || bothHere.Wait(TimeSpan.FromSeconds(20)));
            return null;
        };

        Task<HubSnapshot>[] pulls =
            [.. Enumerable.Range(0, 2).Select(_ => PullAsync(progress: new Watcher(p => { if (p.IsWaiting) { bothHere.Set(); } })))];
        HubSnapshot[] snapshots = await Task.WhenAll(pulls);

        Assert.All(snapshots, snapshot => Assert.Equal(Snapshot, snapshot.Path));
        Assert.Equal(5, Hub.Fetched.Count);
        Assert.Equal(5, Hub.Fetched.DistinctBy(request => request.Path).Count());
        AssertSnapshotIsWhole();
    }

    [Fact]
    public async Task Pull_Offline_AsksNobody()
    {
        HubOptions offline = Options with { Offline = true };
        string error = await RefusedAsync(options: offline);
        Assert.Contains("HF_HUB_OFFLINE", error, StringComparison.Ordinal);
        Assert.Empty(Hub.Requests);
        await PullAsync();
        int before = Hub.Requests.Count;

        HubSnapshot snapshot = await new HubClient(offline).PullAsync(ModelReference.Parse("org/name"));

        Assert.Equal((Snapshot, Commit, before), (snapshot.Path, snapshot.Commit, Hub.Requests.Count));
    }

    [Fact]
    public async Task Pull_Progress_RunsToTheEnd()
    {
        List<HubProgress> seen = [];
        await PullAsync(progress: new Watcher(seen.Add));

        Assert.True(seen.Count >= 2);
        Assert.All(seen, progress => Assert.InRange(progress.Bytes, 0, progress.TotalBytes));
        Assert.Equal(seen[^1].TotalBytes, seen[^1].Bytes);
        Assert.True(seen[^1].BytesPerSecond > 0);
    }

    [Fact]
    public async Task Pull_ListInPages_TakesAll()
    {
        string first = $"/api/models/org/name/tree/{Commit}?recursive=true";
        Hub.Special = request => request.Path == first
            ? Json(ListOf(Hub.Files.Take(6)), ("Link", $"<{Hub.Address}{first}&cursor=a%2Cb,c>; rel=\"next\""))
            : request.Path == first + "&cursor=a%2Cb,c" ? Json(ListOf(Hub.Files.Skip(6)), ("Link", $"<{first}>; rel=\"first\"")) : null;

        await PullAsync();

        AssertSnapshotIsWhole();
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/api")]
    [InlineData("https://example.com/api")]
    [InlineData("?recursive=true")]
    [InlineData("http://")]
    public async Task Pull_NextPageElsewhereOrInACircle_IsRefused(string next)
    {
        Hub.Special = request => request.Path.Contains("/tree/") ? Json("[]", ("Link", $"<{next}>; rel=\"next\"")) : null;
        Assert.Contains("goes on elsewhere", await RefusedAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_TokenFile_IsSentWithoutItsLineBreak()
    {
        string file = Path.Combine(Root, "token");
        File.WriteAllText(file, "hf_fromfile\n");

        await new HubClient(Options with { Token = null, TokenFile = file }).PullAsync(ModelReference.Parse("org/name"));
        Assert.All(Hub.Requests, request => Assert.Equal("Bearer hf_fromfile", request.Header("Authorization")));

        File.WriteAllText(file, "hf_a\nhf_b");
        string error = await RefusedAsync(options: Options with { Token = null, TokenFile = file });
        Assert.Contains("HF_TOKEN", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_a", error, StringComparison.Ordinal);
    }

    private sealed class Watcher(Action<HubProgress> see) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) => see(value);
    }
}
