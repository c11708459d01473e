namespace Cinnabar.Evaluation.Tasks;

/// <summary>Reads another stream, up to a limit: a small packed file may hold more than fits into memory.</summary>
/// <param name="inner">Is read, and disposed with this one.</param>
/// <param name="most">Most bytes.</param>
internal sealed class LimitedStream(Stream inner, long most) : Stream
{
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <exception cref="InvalidDataException">There is more than the limit.</exception>
    public override int Read(Span<byte> buffer)
    {
        int count = inner.Read(buffer);
        _read += count;
        return _read <= most ? count : throw new InvalidDataException($"it holds more than {most} bytes of text.");
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
