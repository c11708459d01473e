// The transport of the package takes the end of its input for the end of the connection: it sends no answer any more, not even to what it
// has read. Who pipes requests in closes the input at once, though, and waits for the answers. So the end is passed on only when all
// requests have been answered, or their time is over. Which there are is read off the lines as they pass by, each a JSON object.
using System.Text.Json;

namespace Cinnabar.Cli;

/// <summary>Input whose end waits for the answers to the requests in it.</summary>
/// <param name="input">Lines, each a message.</param>
/// <param name="grace">The longest time that the end waits.</param>
internal sealed class McpInput(Stream input, TimeSpan grace) : Stream
{
    private readonly MemoryStream _line = new();
    private readonly HashSet<string> _open = [];
    private TaskCompletionSource? _allAnswered;
    private bool _hasEnded;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Notes that a request has its answer.</summary>
    public void Answered(string id)
    {
        lock (_open)
        {
            _open.Remove(id);
            if (_open.Count == 0)
            {
                _allAnswered?.TrySetResult();
            }
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // Reading from a console heeds no cancellation.
        int count = _hasEnded ? 0 : await input.ReadAsync(buffer, cancellationToken).AsTask().WaitAsync(cancellationToken);
        _hasEnded |= count == 0;
        if (count == 0 && _line.Length > 0)
        {
            buffer.Span[0] = (byte)'\n'; // the last line has no end of its own, and is a request all the same
            count = 1;
        }

        Watch(buffer.Span[..count]);
        if (count == 0)
        {
            await WaitForAnswersAsync(cancellationToken);
        }

        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task WaitForAnswersAsync(CancellationToken cancellation)
    {
        Task answered;
        lock (_open)
        {
            _allAnswered ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_open.Count == 0)
            {
                _allAnswered.TrySetResult();
            }

            answered = _allAnswered.Task;
        }

        await Task.WhenAny(answered, Task.Delay(grace, cancellation));
        cancellation.ThrowIfCancellationRequested();
    }

    private void Watch(ReadOnlySpan<byte> bytes)
    {
        for (int end = bytes.IndexOf((byte)'\n'); end >= 0; end = bytes.IndexOf((byte)'\n'))
        {
            _line.Write(bytes[..end]);
            Note(_line.GetBuffer().AsMemory(0, (int)_line.Length));
            _line.SetLength(0);
            bytes = bytes[(end + 1)..];
        }

        _line.Write(bytes);
    }

    // What is no message is the transport's to refuse.
    private void Note(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement message = document.RootElement;
            if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty("method", out JsonElement method))
            {
                return;
            }

            if (message.TryGetProperty("id", out JsonElement id))
            {
                lock (_open)
                {
                    _open.Add(id.ToString());
                }
            }
            else if (method.ValueKind == JsonValueKind.String && method.ValueEquals("notifications/cancelled"u8)
                && message.TryGetProperty("params", out JsonElement parameters) && parameters.ValueKind == JsonValueKind.Object
                && parameters.TryGetProperty("requestId", out JsonElement given))
            {
                Answered(given.ToString()); // it gets no answer
            }
        }
        catch (JsonException)
        {
        }
    }
}
