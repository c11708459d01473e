// Numbers, texts and bytes over a TCP connection. Everything read is checked against what it may be before room is made for it.
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Cinnabar.Machines;

/// <summary>
/// One connection. One thread may read while another writes. All methods throw an <see cref="IOException"/> where the connection ended or
/// nothing moved for <see cref="MachineProtocol.Silence"/>, and an <see cref="ObjectDisposedException"/> once it was disposed of.
/// </summary>
internal sealed class MessageStream : IDisposable
{
    private const int BufferBytes = 1 << 18; // what is sent at once has to move within the time of a silence

    private readonly NetworkStream _network;
    private readonly byte[] _input = new byte[BufferBytes];
    private readonly byte[] _output = new byte[BufferBytes];
    private int _read; // of the input
    private int _filled;
    private int _written; // of the output

    /// <summary>Takes a connected socket over.</summary>
    /// <exception cref="SocketException">It is not connected any more.</exception>
    public MessageStream(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        _network = new NetworkStream(socket, ownsSocket: true)
        {
            ReadTimeout = (int)MachineProtocol.Silence.TotalMilliseconds,
            WriteTimeout = (int)MachineProtocol.Silence.TotalMilliseconds,
        };
    }

    /// <summary>Sends what was written.</summary>
    public void Flush()
    {
        _network.Write(_output, 0, _written);
        _written = 0;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, BufferBytes - _written);
            bytes[..count].CopyTo(_output.AsSpan(_written));
            _written += count;
            bytes = bytes[count..];
            if (_written == BufferBytes)
            {
                Flush();
            }
        }
    }

    public void Write(byte value) => Write([value]);

    public void Write(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Write(bytes);
    }

    /// <summary>Writes a text of at most <see cref="MachineProtocol.MostTextBytes"/>; a longer one is cut.</summary>
    public void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = Math.Min(bytes.Length, MachineProtocol.MostTextBytes);
        Write((long)length);
        Write(bytes.AsSpan(0, length));
    }

    /// <summary>Fills <paramref name="bytes"/>.</summary>
    public void Read(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_read == _filled)
            {
                Fill();
            }

            int count = Math.Min(bytes.Length, _filled - _read);
            _input.AsSpan(_read, count).CopyTo(bytes);
            _read += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Reads some bytes.</summary>
    public byte[] ReadBytes(int count)
    {
        byte[] bytes = new byte[count];
        Read(bytes);
        return bytes;
    }

    public byte ReadByte()
    {
        byte value = 0;
        Read(new Span<byte>(ref value));
        return value;
    }

    /// <summary>Waits as long as it takes for a byte.</summary>
    /// <returns>Null: the other side closed the connection.</returns>
    public byte? WaitForByte()
    {
        _network.ReadTimeout = Timeout.Infinite;
        try
        {
            return ReadByte();
        }
        catch (EndOfStreamException)
        {
            return null;
        }
        finally
        {
            _network.ReadTimeout = (int)MachineProtocol.Silence.TotalMilliseconds;
        }
    }

    /// <summary>Reads a number.</summary>
    /// <param name="least">The smallest it may be.</param>
    /// <param name="most">The largest.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <exception cref="InvalidDataException">It is out of range.</exception>
    public long ReadNumber(long least, long most, string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Read(bytes);
        long value = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        return value >= least && value <= most
            ? value
            : throw new InvalidDataException($"Expected {what}, {least} … {most}, found {value}.");
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="InvalidDataException">It is too long.</exception>
    public string ReadText(string what) =>
        Encoding.UTF8.GetString(ReadBytes((int)ReadNumber(0, MachineProtocol.MostTextBytes, $"the length of {what}")));

    public void Dispose() => _network.Dispose();

    private void Fill()
    {
        (_read, _filled) = (0, _network.Read(_input));
        if (_filled == 0)
        {
            throw new EndOfStreamException("the other side closed the connection");
        }
    }
}
