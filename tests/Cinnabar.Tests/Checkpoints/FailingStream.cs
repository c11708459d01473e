namespace Cinnabar.Tests.Checkpoints;

/// <summary>Passes bytes on until a number of them is used up, then fails like a full or broken disk.</summary>
internal sealed class FailingStream(Stream inner, long room, Func<IOException> failure) : Stream
{
    private long _room = room;

    public static IOException DiskFull() => new("No space left on device", 28);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => inner.Length;

    public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        // A disk takes what fits before it fails.
        int fits = (int)Math.Min(_room, buffer.Length);
        inner.Write(buffer[..fits]);
        _room -= fits;
        if (fits < buffer.Length)
        {
            throw failure();
        }
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
