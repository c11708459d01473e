using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints.Hub;

/// <summary>A hub, an empty cache and a client for one test.</summary>
public abstract class HubTest : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private protected LocalHub Hub { get; } = new(LocalHub.Model());

    private protected string Root => _folder.Path;

    private protected string CacheFolder => _folder["cache"];

    private protected string Repository => Path.Combine(CacheFolder, "models--org--name");

    private protected string Snapshot => Path.Combine(Repository, "snapshots", LocalHub.Commit);

    private protected HubOptions Options => new()
    {
        Endpoint = Hub.Address,
        CacheFolder = CacheFolder,
        Token = "hf_secret",
        FirstRetryDelay = TimeSpan.FromMilliseconds(1),
    };

    public void Dispose()
    {
        Hub.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected Task<HubSnapshot> PullAsync(string model = "org/name", IProgress<HubProgress>? progress = null) =>
        new HubClient(Options).PullAsync(ModelReference.Parse(model), progress, WithinAMinute);

    private protected async Task<string> RefusedAsync(string model = "org/name", HubOptions? options = null)
    {
        CinnabarException error = await Assert.ThrowsAsync<CinnabarException>(
            () => new HubClient(options ?? Options).PullAsync(ModelReference.Parse(model), null, WithinAMinute));
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.DoesNotContain("hf_secret", error.ToString(), StringComparison.Ordinal);
        return error.Message;
    }

    private protected string BlobOf(string path) => Path.Combine(Repository, "blobs", Hub.Files.Find(file => file.Path == path)!.Digest);

    private protected void AssertSnapshotIsWhole()
    {
        foreach (LocalFile file in Hub.Files.Where(f => !f.Path.Contains('/') && Path.GetExtension(f.Path) is ".json" or ".safetensors"))
        {
            Assert.Equal(file.Content, File.ReadAllBytes(Path.Combine(Snapshot, file.Path)));
        }

        Assert.Equal(LocalHub.Commit, File.ReadAllText(Path.Combine(Repository, "refs", "main")));
        Assert.Empty(Directory.GetFiles(Path.Combine(Repository, "blobs"), "*.incomplete"));
    }

    // A test that hangs fails after a while.
    protected static CancellationToken WithinAMinute => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;
}
