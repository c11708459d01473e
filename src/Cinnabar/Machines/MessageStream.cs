// Numbers, texts and bytes over a TCP connection. Everything read is checked against what it may be before room is made for it.
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Cinnabar.Machines;

/// <summary>One connection. One thread may read while another writes.</summary>
internal sealed class MessageStream : IDisposable
{
    private const int BufferBytes = 1 << 16;

    private readonly Socket _socket;
    private readonly NetworkStream _network;
    private readonly BufferedStream _input;
    private readonly BufferedStream _output;

    /// <summary>Takes a connected socket over.</summary>
    public MessageStream(Socket socket)
    {
        _socket = socket;
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
        _input = new BufferedStream(_network, BufferBytes);
        _output = new BufferedStream(_network, BufferBytes);
    }

    /// <summary>Sends what was written.</summary>
    public void Flush() => _output.Flush();

    public void Write(ReadOnlySpan<byte> bytes) => _output.Write(bytes);

    public void Write(byte value) => _output.WriteByte(value);

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
    /// <exception cref="IOException">The connection ended, or nothing came for too long.</exception>
    public void Read(Span<byte> bytes) => _input.ReadExactly(bytes);

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
        int value = _input.ReadByte();
        _network.ReadTimeout = (int)MachineProtocol.Silence.TotalMilliseconds;
        return value < 0 ? null : (byte)value;
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
            : throw new InvalidDataException($"Expected {what} of {least} … {most}, found {value}.");
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="InvalidDataException">It is too long.</exception>
    public string ReadText(string what)
    {
        byte[] bytes = new byte[ReadNumber(0, MachineProtocol.MostTextBytes, $"bytes of {what}")];
        Read(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    public void Dispose()
    {
        // Not by way of the buffers, which would try to send what they hold.
        _network.Dispose();
        _socket.Dispose();
    }
}
