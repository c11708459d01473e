// Fetches a model from the Hugging Face hub into the shared cache:
//   GET api/models/org/name/revision/<revision>              → the commit, "sha"
//   GET api/models/org/name/tree/<commit>?recursive=true     → files with sizes and hashes, in pages (HubListing)
//   choose files (HubSelection; the index of shards is fetched first, as it says which), check room on the disk
//   GET org/name/resolve/<commit>/<path>                     → contents, often by a redirect (HubConnection, HubDownload)
//   make the snapshot and the ref (HubCache)
// Source: huggingface.co/docs/hub/api and huggingface_hub, src/huggingface_hub/hf_api.py. One file after the other over one connection.
using System.Text;
using System.Text.Json;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Pulls models from one hub.</summary>
public sealed class HubClient
{
    private const int MaxPageBytes = 16 << 20;
    private const int MaxTokenLength = 4_096;

    private readonly HubOptions _options;

    /// <summary>Makes a client; nothing is asked or read yet.</summary>
    /// <param name="options">Hub, cache and token.</param>
    public HubClient(HubOptions options)
    {
        _options = options;
        Cache = new HubCache(options.CacheFolder);
    }

    /// <summary>The cache.</summary>
    public HubCache Cache { get; internal init; }

    /// <summary>Told, in a sentence, what failed before it is tried again; null, the default: nobody is.</summary>
    public Action<string>? Retrying { get; init; }

    /// <summary>Fetches what is missing of a model; goes on where an earlier attempt stopped.</summary>
    /// <param name="model">Which.</param>
    /// <param name="progress">Told how far it is, on the threads of the download; null: nobody is.</param>
    /// <param name="cancellation">Stops; what has arrived is kept.</param>
    /// <exception cref="CinnabarException">
    /// There is no such model, access is refused, it has no weights in a safe format, what arrives is not what the hub listed, the disk
    /// is full, or the network does not answer.
    /// </exception>
    public async Task<HubSnapshot> PullAsync(
        ModelReference model, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (_options.Offline)
        {
            return FindOffline(model);
        }

        HubEndpoint endpoint = HubEndpoint.Parse(_options.Endpoint);
        using HubConnection connection = new(endpoint, Token());
        string commit = await CommitAsync(endpoint, connection, model, cancellation).ConfigureAwait(false);
        List<HubFile> listed = await ListAsync(endpoint, connection, model, commit, cancellation).ConfigureAwait(false);
        HubDownload download = new(
            connection,
            Cache,
            model,
            file => endpoint.At([model.Organization, model.Name, "resolve", commit, .. file.Path.Split('/')]),
            NewRetry);

        SafetensorsIndex? index = null;
        if (HubSelection.IndexOf(model, listed) is HubFile indexFile)
        {
            await FetchAsync(download, model, commit, [indexFile], null, cancellation).ConfigureAwait(false);
            index = SafetensorsIndex.Load(Cache.FindFile(model, commit, indexFile)!);
        }

        IReadOnlyList<HubFile> files = HubSelection.Choose(model, listed, index);
        long received = await FetchAsync(download, model, commit, files, progress, cancellation).ConfigureAwait(false);
        Cache.Publish(model, commit, files);
        string snapshot = Cache.SnapshotFolder(model, commit);
        return new HubSnapshot(model.File is null ? snapshot : Path.Combine(snapshot, model.File), commit, files, received);
    }

    private HubRetry NewRetry() => new(_options.FirstRetryDelay, Retrying);

    private HubSnapshot FindOffline(ModelReference model) => Cache.FindSnapshot(model) is string path
        ? new HubSnapshot(path, Cache.CommitOf(model)!, [], 0)
        : throw new CinnabarException(
            $"{model}: expected the model in {Cache.Folder} since HF_HUB_OFFLINE forbids the network, found none.",
            "Unset HF_HUB_OFFLINE to fetch it.");

    private async Task<long> FetchAsync(
        HubDownload download,
        ModelReference model,
        string commit,
        IReadOnlyList<HubFile> files,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation)
    {
        Cache.Prepare(model, files.Sum(file => Cache.MissingBytes(model, commit, file)));
        TransferMeter meter = new(files.Sum(file => file.Size), progress);
        foreach (HubFile file in files)
        {
            if (Cache.FindFile(model, commit, file) is null)
            {
                await download.FetchAsync(file, meter, cancellation).ConfigureAwait(false);
            }
            else
            {
                meter.Keep(file.Path, file.Size);
            }
        }

        return meter.Received;
    }

    private async Task<string> CommitAsync(
        HubEndpoint endpoint, HubConnection connection, ModelReference model, CancellationToken cancellation)
    {
        Uri address = endpoint.At("api", "models", model.Organization, model.Name, "revision", model.Revision);
        (byte[] json, _) = await GetPageAsync(connection, address, model, cancellation).ConfigureAwait(false);
        JsonElement? sha = JsonSettings.Parse($"{model}, answer of the hub", json).Value("sha");
        string? commit = sha is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
        return commit is not null && ModelReference.IsCommitHash(commit) && (!model.IsCommit || commit == model.Revision)
            ? commit
            : throw new CinnabarException(
                $"{model}: expected the commit of the revision, 40 digits, found {ErrorText.Quote(commit ?? "none")}.",
                "Check HF_ENDPOINT, or try again later: this is not how the hub answers.");
    }

    private async Task<List<HubFile>> ListAsync(
        HubEndpoint endpoint, HubConnection connection, ModelReference model, string commit, CancellationToken cancellation)
    {
        List<HubFile> files = [];
        Uri? address = new(endpoint.At("api", "models", model.Organization, model.Name, "tree", commit), "?recursive=true");
        HashSet<Uri> seen = [];
        while (address is not null)
        {
            (byte[] json, string? next) = await GetPageAsync(connection, address, model, cancellation).ConfigureAwait(false);
            files.AddRange(HubListing.Parse(model.ToString(), json));
            seen.Add(address);
            Uri? following = next is null ? null : HubEndpoint.Resolve(address, next);
            bool isGood = next is null || (following is not null && endpoint.Owns(following) && !seen.Contains(following));
            address = following;
            if (files.Count > HubListing.MaxFiles || !isGood)
            {
                throw new CinnabarException(
                    $"{model}: expected a list of at most {HubListing.MaxFiles} files from {endpoint.Address.Authority}, "
                    + "found more, or one that goes on elsewhere.",
                    "Check HF_ENDPOINT, or choose another repository.");
            }
        }

        return files;
    }

    private async Task<(byte[] Json, string? Next)> GetPageAsync(
        HubConnection connection, Uri address, ModelReference model, CancellationToken cancellation)
    {
        HubRetry retry = NewRetry();
        while (true)
        {
            try
            {
                using HttpResponseMessage answer =
                    await connection.GetAsync(address, 0, model.ToString(), null, cancellation).ConfigureAwait(false);
                return (await ReadPageAsync(answer, model, cancellation).ConfigureAwait(false), HubListing.NextOf(answer.Headers));
            }
            catch (HubInterruption interruption)
            {
                await retry.WaitAsync(interruption, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static async Task<byte[]> ReadPageAsync(HttpResponseMessage answer, ModelReference model, CancellationToken cancellation)
    {
        Stream body = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        using MemoryStream page = new();
        byte[] buffer = new byte[64 * 1024];
        while (await HubConnection.ReadAsync(body, buffer, cancellation).ConfigureAwait(false) is int read and > 0)
        {
            page.Write(buffer, 0, read);
            if (page.Length > MaxPageBytes)
            {
                throw new CinnabarException(
                    $"{model}: expected an answer of at most {MaxPageBytes} bytes, found more.", "Check HF_ENDPOINT.");
            }
        }

        return page.ToArray();
    }

    // A header cannot carry every character, and a token that was pasted with a line break should be told as such.
    private string? Token()
    {
        string? token = _options.Token;
        if (token is null && _options.TokenFile is string path && File.Exists(path))
        {
            token = Encoding.UTF8.GetString(InputFile.ReadAll(path, "the token for the hub", MaxTokenLength)).Trim();
        }

        if (string.IsNullOrEmpty(token))
        {
            return null;
        }

        return token.Length <= MaxTokenLength && token.All(c => c is > ' ' and < '\u007F')
            ? token
            : throw new CinnabarException(
                $"HF_TOKEN (or the token file): expected at most {MaxTokenLength} printable characters without spaces, found others.",
                "Copy the token again from the settings page of the hub.");
    }
}
