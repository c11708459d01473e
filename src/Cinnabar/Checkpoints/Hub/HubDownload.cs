// One file of a repository into the cache, with any number of interruptions:
//   1. wait for the lock of the blob; if the blob is whole by now, another program fetched it
//   2. hash what <digest>.incomplete holds, ask for the rest (Range: bytes=n-), append and hash what comes
//        206 from byte n → append;   200 → the server ignores Range: start afresh;   416 or another byte → ask for the whole
//   3. after a cut go back to 2 (see HubRetry)   4. compare size and hash, flush, rename to <digest>
// An answer that says another length than is wanted is none (a sign-in page, a full mirror): it counts as a cut, and the part stays as it
// was. More bytes than the list of files says, or another hash of the whole, and the part is deleted: nothing unverified ever gets the
// name of a blob.
using System.Net;
using System.Net.Http.Headers;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Fetches files of one version of a repository.</summary>
internal sealed class HubDownload(
    HubConnection connection, HubCache cache, ModelReference model, Func<HubFile, Uri> addressOf, Func<HubRetry> newRetry)
{
    private const string Kept = "What has arrived is kept.";

    private readonly byte[] _buffer = new byte[256 * 1024];

    /// <summary>Fetches a file unless its blob is there.</summary>
    /// <exception cref="CinnabarException">The hub refuses, what it sends is wrong, or the cache cannot be written.</exception>
    public async Task FetchAsync(HubFile file, TransferMeter meter, CancellationToken cancellation)
    {
        using IDisposable held =
            await cache.LockAsync(model, file, () => meter.Wait(file.Path), cancellation).ConfigureAwait(false);
        string blob = cache.BlobPath(model, file);
        if (new FileInfo(blob) is { Exists: true } whole && whole.Length == file.Size)
        {
            meter.Keep(file.Path, file.Size);
            return;
        }

        string path = cache.PartPath(model, file);
        try
        {
            await ReceiveVerifiedAsync(path, file, meter, cancellation).ConfigureAwait(false);
            File.Move(path, blob, overwrite: true);
        }
        catch (WrongContentsException e)
        {
            File.Delete(path);
            throw Contradiction(
                file, e.Expected, e.Found, "What arrived was removed: try again, and if it happens again report it to the hub.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Failure(path, file.Size, e, Kept);
        }
        finally
        {
            RemoveIfEmpty(path);
        }
    }

    private async Task ReceiveVerifiedAsync(string path, HubFile file, TransferMeter meter, CancellationToken cancellation)
    {
        using FileStream part = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        using BlobHash hash = new(file);
        HashPart(part, hash, file, meter, cancellation);
        await ReceiveAllAsync(part, hash, file, meter, cancellation).ConfigureAwait(false);
        part.Flush(flushToDisk: true);
        if (hash.Finish() is string found && found != file.Digest)
        {
            throw new WrongContentsException($"the hash {file.Digest}", found);
        }
    }

    private void HashPart(FileStream part, BlobHash hash, HubFile file, TransferMeter meter, CancellationToken cancellation)
    {
        if (part.Length > file.Size)
        {
            part.SetLength(0);
        }

        for (int read; (read = part.Read(_buffer)) > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.Append(_buffer.AsSpan(0, read));
        }

        meter.Keep(file.Path, hash.Count);
    }

    private async Task ReceiveAllAsync(FileStream part, BlobHash hash, HubFile file, TransferMeter meter, CancellationToken cancellation)
    {
        HubRetry retry = newRetry();
        while (hash.Count < file.Size)
        {
            try
            {
                await ReceiveAsync(part, hash, file, meter, retry, cancellation).ConfigureAwait(false);
            }
            catch (HubInterruption interruption)
            {
                await retry.WaitAsync(interruption, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task ReceiveAsync(
        FileStream part, BlobHash hash, HubFile file, TransferMeter meter, HubRetry retry, CancellationToken cancellation)
    {
        using HttpResponseMessage answer = await AskAsync(file, hash.Count, cancellation).ConfigureAwait(false);
        bool isWhole = answer.StatusCode == HttpStatusCode.OK;
        if (!isWhole && !ContinuesAt(answer, hash.Count))
        {
            throw new HubInterruption($"The hub sent another part of {ErrorText.Quote(file.Path)} than it was asked for");
        }

        long start = isWhole ? 0 : hash.Count;
        if (answer.Content.Headers.ContentLength is long length && start + length != file.Size)
        {
            throw new HubInterruption(
                $"The hub sent {length} bytes of {ErrorText.Quote(file.Path)} instead of the {file.Size - start} that it was asked for");
        }

        if (isWhole && hash.Count > 0)
        {
            part.SetLength(0);
            meter.Discard(hash.Count);
            hash.Restart();
        }

        Stream body = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        while (await HubConnection.ReadAsync(body, _buffer, cancellation).ConfigureAwait(false) is int read and > 0)
        {
            if (hash.Count + read > file.Size)
            {
                throw new WrongContentsException($"{file.Size} bytes", "more");
            }

            part.Write(_buffer, 0, read);
            hash.Append(_buffer.AsSpan(0, read));
            meter.Receive(file.Path, read);
            retry.Reached(hash.Count);
        }

        if (hash.Count < file.Size)
        {
            throw new HubInterruption(
                $"The connection was closed {file.Size - hash.Count} bytes before the end of {ErrorText.Quote(file.Path)}");
        }
    }

    // A server that cannot go on from there (416, or another byte) is asked for the whole.
    private async Task<HttpResponseMessage> AskAsync(HubFile file, long offset, CancellationToken cancellation)
    {
        HttpResponseMessage answer = await connection.GetAsync(
            addressOf(file), offset, $"{model}, file {ErrorText.Quote(file.Path)}", headers => RequireSame(headers, file), cancellation)
            .ConfigureAwait(false);
        if (offset == 0 || answer.StatusCode == HttpStatusCode.OK || ContinuesAt(answer, offset))
        {
            return answer;
        }

        answer.Dispose();
        return await AskAsync(file, 0, cancellation).ConfigureAwait(false);
    }

    private static void RemoveIfEmpty(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: 0 })
            {
                File.Delete(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that brought us here is the one to report; an empty part does no harm.
        }
    }

    private static bool ContinuesAt(HttpResponseMessage answer, long offset) =>
        answer.StatusCode == HttpStatusCode.PartialContent && answer.Content.Headers.ContentRange?.From == offset;

    // The hub's own answer tells size and hash before a content network sends the first byte.
    private void RequireSame(HttpResponseHeaders headers, HubFile file)
    {
        string? size = HubConnection.ValueOf(headers, "X-Linked-Size");
        if (size is not null && size != file.Size.ToString(System.Globalization.CultureInfo.InvariantCulture))
        {
            throw Contradiction(file, $"{file.Size} bytes", ErrorText.Quote(size), "Try again later. " + Kept);
        }

        // Another length is another kind of tag, which says nothing about the hash.
        string? digest = HubConnection.ValueOf(headers, "X-Linked-Etag")?.Trim('"');
        if (digest?.Length == file.Digest.Length && digest != file.Digest)
        {
            throw Contradiction(file, $"the hash {file.Digest}", ErrorText.Quote(digest), "Try again later. " + Kept);
        }
    }

    private CinnabarException Contradiction(HubFile file, string expected, string found, string remedy) =>
        new($"{model}, file {ErrorText.Quote(file.Path)}: expected {expected}, found {found} (list of files).", remedy);

    private sealed class WrongContentsException(string expected, string found) : Exception
    {
        public string Expected { get; } = expected;

        public string Found { get; } = found;
    }
}
