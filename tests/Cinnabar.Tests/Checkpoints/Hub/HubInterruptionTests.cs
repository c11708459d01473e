using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Cinnabar.Checkpoints.Hub;
using static Cinnabar.Tests.Checkpoints.Hub.LocalHub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class HubInterruptionTests : HubTest
{
    private const string Weights = "model.safetensors";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Pull_HundredCutsAtRandomPlaces_ResumesEachTime(int seed)
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        Random random = new(seed);
        int cuts = 0;
        Hub.Special = request => IsWeights(request) && cuts++ < 100
            ? Content(content, request.RangeStart) with { CutAfter = random.Next(0, 2 * content.Length / 110), CutHard = cuts % 5 == 0 }
            : null;

        HubSnapshot snapshot = await PullAsync();

        AssertSnapshotIsWhole();
        LocalRequest[] requests = [.. Hub.Fetched.Where(IsWeights)];
        Assert.Equal(101, requests.Length);
        long[] starts = [.. requests.Select(request => request.RangeStart ?? 0)];
        Assert.Equal(starts.Order(), starts);
        Assert.True(starts.Distinct().Count() > 50, "The cuts moved nothing.");
        // No byte was fetched twice: what had arrived was kept.
        Assert.Equal(snapshot.Files.Sum(file => file.Size), snapshot.ReceivedBytes);
    }

    [Fact]
    public async Task Pull_AttemptThatFails_IsTold()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        int cuts = 0;
        Hub.Special = request => IsWeights(request) && cuts++ == 0 ? new LocalAnswer(200, content) { CutAfter = 40_000 } : null;
        List<string> told = [];
        await new HubClient(Options) { Retrying = told.Add }.PullAsync(ModelReference.Parse("org/name"), null, WithinAMinute);
        Assert.Contains("trying again in ", Assert.Single(told), StringComparison.Ordinal);
        Assert.EndsWith("(attempt 2 of 6).", told[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_Stopped_GoesOnWithTheKeptBytes()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        using CancellationTokenSource stop = new();
        // The body never ends, so that the stop comes in the middle.
        Hub.Special = request => IsWeights(request)
            ? new LocalAnswer(200, content[..70_000], ("Content-Length", $"{content.Length}")) { Stall = TimeSpan.FromMinutes(1) }
            : null;
        Task pull = new HubClient(Options).PullAsync(ModelReference.Parse("org/name"), null, stop.Token);
        FileInfo part = new(BlobOf(Weights) + ".incomplete");
        for (int i = 0; i < 2_000 && !(part.Exists && part.Length == 70_000); i++)
        {
            await Task.Delay(10);
            part.Refresh();
        }

        stop.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        Assert.Equal(70_000, new FileInfo(BlobOf(Weights) + ".incomplete").Length);
        Assert.False(Directory.Exists(Snapshot));
        Assert.Null(new HubCache(CacheFolder).FindSnapshot(ModelReference.Parse("org/name")));
        Hub.Special = _ => null;

        HubSnapshot snapshot = await PullAsync();

        Assert.Equal(70_000, Hub.Fetched.Last(IsWeights).RangeStart);
        Assert.Equal(30_000, snapshot.ReceivedBytes);
        AssertSnapshotIsWhole();
    }

    [Fact]
    public async Task Pull_ServerIgnoresRange_StartsAfresh()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        int cuts = 0;
        Hub.Special = request => IsWeights(request)
            ? new LocalAnswer(200, content) { CutAfter = cuts++ < 3 ? 20_000 * cuts : null }
            : null;

        HubSnapshot snapshot = await PullAsync();

        AssertSnapshotIsWhole();
        Assert.Equal(4, Hub.Fetched.Count(IsWeights));
        Assert.Equal(snapshot.Files.Sum(file => file.Size) + 20_000 + 40_000 + 60_000, snapshot.ReceivedBytes);
    }

    [Fact]
    public async Task Pull_ServerIgnoresRangeAndAlwaysCuts_GivesUp()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        Hub.Special = request => IsWeights(request) ? new LocalAnswer(200, content) { CutAfter = 5_000 } : null;

        string error = await RefusedAsync();

        Assert.Contains("attempt 6 of 6", error, StringComparison.Ordinal);
        Assert.Contains("what has arrived is kept", error, StringComparison.Ordinal);
        Assert.Equal(6, Hub.Fetched.Count(IsWeights));
    }

    [Theory]
    [InlineData(416)]
    [InlineData(206)]
    public async Task Pull_ServerSendsAnotherRange_StartsAfresh(int status)
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        int requests = 0;
        Hub.Special = request => !IsWeights(request) ? null : requests++ switch
        {
            0 => new LocalAnswer(200, content) { CutAfter = 40_000 },
            1 when status == 416 => new LocalAnswer(416, []),
            1 => new LocalAnswer(206, content[10_000..], ("Content-Range", $"bytes 10000-{content.Length - 1}/{content.Length}")),
            _ => null,
        };

        await PullAsync();

        AssertSnapshotIsWhole();
        Assert.Equal([null, 40_000, null], Hub.Fetched.Where(IsWeights).Select(request => request.RangeStart));
    }

    // A sign-in page of the network in between, a mirror that has less.
    [Fact]
    public async Task Pull_AnotherLengthThanAskedFor_KeepsThePart()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        int requests = 0;
        Hub.Special = request => !IsWeights(request) ? null : requests++ switch
        {
            0 => new LocalAnswer(200, content) { CutAfter = 40_000 },
            1 => new LocalAnswer(200, new byte[500]),
            2 => new LocalAnswer(206, content[40_000..90_000], ("Content-Range", "bytes 40000-89999/100000")),
            _ => null,
        };

        HubSnapshot snapshot = await PullAsync();

        AssertSnapshotIsWhole();
        Assert.Equal([null, 40_000, 40_000, 40_000], Hub.Fetched.Where(IsWeights).Select(request => request.RangeStart));
        Assert.Equal(snapshot.Files.Sum(file => file.Size), snapshot.ReceivedBytes);
    }

    [Fact]
    public async Task Pull_AlwaysAnotherLength_GivesUpAndKeepsThePart()
    {
        byte[] content = Hub.Files.Find(file => file.Path == Weights)!.Content;
        int requests = 0;
        Hub.Special = request => !IsWeights(request) ? null
            : requests++ == 0 ? new LocalAnswer(200, content) { CutAfter = 40_000 } : new LocalAnswer(200, new byte[500]);

        string error = await RefusedAsync();

        Assert.Contains($"sent 500 bytes of '{Weights}' instead of the 100000", error, StringComparison.Ordinal);
        Assert.Equal(content[..40_000], File.ReadAllBytes(BlobOf(Weights) + ".incomplete"));
    }

    [Fact]
    public async Task Pull_PartOfAnotherFile_IsFoundByItsHash()
    {
        Directory.CreateDirectory(Path.Combine(Repository, "blobs"));
        File.WriteAllBytes(BlobOf(Weights) + ".incomplete", new byte[500]);

        string error = await RefusedAsync();

        Assert.Contains($"'{Weights}': expected the hash", error, StringComparison.Ordinal);
        Assert.False(File.Exists(BlobOf(Weights) + ".incomplete"));
        await PullAsync();
        AssertSnapshotIsWhole();
    }

    [Fact]
    public async Task Pull_PartLongerThanTheFile_StartsAfresh()
    {
        Directory.CreateDirectory(Path.Combine(Repository, "blobs"));
        File.WriteAllBytes(BlobOf(Weights) + ".incomplete", new byte[100_001]);

        await PullAsync();

        AssertSnapshotIsWhole();
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    public async Task Pull_PassingFault_IsTriedAgain(int status)
    {
        ConcurrentDictionary<string, int> seen = new();
        Hub.Special = request => seen.AddOrUpdate(request.Path, 1, (_, count) => count + 1) <= 2
            ? new LocalAnswer(status, "busy"u8.ToArray(), ("Retry-After", "0"))
            : null;

        await PullAsync();

        AssertSnapshotIsWhole();
        Assert.All(seen.Values, count => Assert.Equal(3, count));
    }

    [Theory]
    [InlineData(429, "too many requests")]
    [InlineData(500, "answered 500")]
    public async Task Pull_LastingFault_GivesUp(int status, string expected)
    {
        Hub.Special = _ => new LocalAnswer(status, []);
        string error = await RefusedAsync();
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(6, Hub.Requests.Count);
    }

    [Fact]
    public async Task Pull_NobodyListens_GivesUp()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // nobody listens there, and nobody else can
        string address = $"http://{taken.LocalEndPoint}";
        string error = await RefusedAsync(options: Options with { Endpoint = address });
        Assert.Contains($"{new Uri(address).Authority} could not be reached", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_CutInTheList_IsTriedAgain()
    {
        int requests = 0;
        Hub.Special = request => request.Path.Contains("/tree/") && requests++ == 0
            ? Json(ListOf(Hub.Files)) with { CutAfter = 100 }
            : null;
        await PullAsync();
        AssertSnapshotIsWhole();
    }

    private static bool IsWeights(LocalRequest request) => request.Path.EndsWith("/" + Weights, StringComparison.Ordinal);
}
