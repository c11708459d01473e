using System.Net;
using System.Net.Sockets;
using System.Text;
using Cinnabar.Machines;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>A program that says to a machine whatever a test wants, byte for byte.</summary>
internal sealed class RawProgram : IDisposable
{
    public const int GreetingBytes = 48; // of a machine

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly NetworkStream _stream;

    private RawProgram(int port)
    {
        _socket.Connect(IPAddress.Loopback, port);
        _socket.NoDelay = true;
        _stream = new NetworkStream(_socket) { ReadTimeout = 15_000, WriteTimeout = 15_000 };
        Greeting = Read(GreetingBytes);
    }

    /// <summary>Two layers as narrow as can be, of which the machine has the second.</summary>
    public static TestNetwork SmallNetwork { get; } = TestNetwork.Of(config => config with
    {
        HiddenSize = 4, IntermediateSize = 4, NumHiddenLayers = 2, NumAttentionHeads = 2, NumKeyValueHeads = 1, MaxSequenceLength = 8,
    });

    /// <summary>The machine's part of <see cref="SmallNetwork"/>.</summary>
    public static LayerAssignment Small { get; } =
        LayerAssignment.Of(SmallNetwork.Config, "small", first: 1, count: 1, SmallNetwork.Precision);

    /// <summary>What the machine said first.</summary>
    public byte[] Greeting { get; }

    /// <summary>Bytes that the machine offered.</summary>
    public long Memory { get; private set; }

    /// <summary>What the machine said that it computes with.</summary>
    public string Kernels { get; private set; } = "";

    /// <summary>Connects and says nothing yet.</summary>
    public static RawProgram Silent(int port) => new(port);

    /// <summary>Connects and is greeted.</summary>
    public static RawProgram Greeted(int port, MachineKey? key = null)
    {
        RawProgram program = new(port);
        program.Send(program.GreetingWith(key ?? MachineKey.None));
        Assert.Equal((byte)MachineAnswer.Done, program.Read(1)[0]);
        program.Read(32);
        program.Memory = BitConverter.ToInt64(program.Read(8));
        program.Kernels = program.ReadText();
        return program;
    }

    /// <summary>Connects and has the machine take layers, without their weights.</summary>
    public static RawProgram Begun(int port, LayerAssignment assignment)
    {
        RawProgram program = Greeted(port);
        program.Ask(MachineCommand.Begin, Text(assignment.ToJson()));
        return program;
    }

    /// <summary>Connects and has the machine take layers of <see cref="SmallNetwork"/>.</summary>
    public static RawProgram Ready(int port, LayerAssignment assignment)
    {
        RawProgram program = Begun(port, assignment);
        foreach (string name in WeightNames)
        {
            program.Load(name);
        }

        program.Ask(MachineCommand.Complete);
        return program;
    }

    /// <summary>Names of what <see cref="Small"/> needs.</summary>
    public static string[] WeightNames =>
        [.. SmallNetwork.Weights.Keys.Where(name => name.Contains(".blocks.1.", StringComparison.Ordinal))];

    public static byte[] Number(long value) => BitConverter.GetBytes(value);

    public static byte[] Text(string text) => [.. Number(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>What announces a weight.</summary>
    public static byte[] Header(string name, Tensor value) => Header(name, (byte)value.Type, value.GroupSize, value.Shape.ToArray());

    /// <inheritdoc cref="Header(string, Tensor)"/>
    public static byte[] Header(string name, byte type, long group, params int[] shape) =>
        [.. Text(name), type, .. Number(shape.Length), .. shape.SelectMany(size => Number(size)), .. Number(group)];

    /// <summary>What follows when a weight that was announced may come.</summary>
    public static byte[] BytesOf(Tensor value) => [.. value.Bytes, .. value.Scales is null ? [] : value.Scales.Bytes.ToArray()];

    /// <summary>A correct greeting with a key.</summary>
    public byte[] GreetingWith(MachineKey key)
    {
        byte[] own = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        return
        [
            .. MachineProtocol.Magic, .. Number(MachineProtocol.Version), .. own, .. key.Proof("program"u8, Greeting.AsSpan(16), own),
        ];
    }

    /// <summary>Sends bytes; a machine that closed the connection already is no failure.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: not SocketError.TimedOut })
        {
            // What it said before is read all the same.
        }
    }

    /// <summary>Says that nothing more comes.</summary>
    public void EndSending()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The machine was faster.
        }
    }

    /// <summary>Sends a command, which must succeed.</summary>
    public void Ask(MachineCommand command, params byte[] rest) => Ask([(byte)command, .. rest]);

    /// <summary>Sends what must be answered Done.</summary>
    public void Ask(params ReadOnlySpan<byte> bytes)
    {
        Send(bytes);
        MachineAnswer answer = ReadAnswer();
        Assert.True(answer == MachineAnswer.Done, answer == MachineAnswer.Failed ? ReadText() : $"{answer}");
    }

    /// <summary>Sends a weight of <see cref="SmallNetwork"/>, which must be taken.</summary>
    public void Load(string name) => Load(name, SmallNetwork.Weights[name]);

    /// <summary>Announces a weight, then sends it; it must be taken.</summary>
    public void Load(string name, Tensor value)
    {
        Ask(MachineCommand.Weight, Header(name, value));
        Ask(BytesOf(value));
    }

    /// <summary>Has a pass computed, and gives the bytes of its result.</summary>
    public byte[] Pass(RawPass pass)
    {
        Ask(MachineCommand.Pass, pass.ToBytes());
        return Read(pass.H.Length);
    }

    /// <summary>Sends a command that must be refused, after which the connection ends.</summary>
    /// <returns>What the machine says.</returns>
    public string Refused(MachineCommand command, params byte[] rest) => Refused([(byte)command, .. rest]);

    /// <inheritdoc cref="Refused(MachineCommand, byte[])"/>
    public string Refused(params ReadOnlySpan<byte> bytes)
    {
        string said = Failed(bytes);
        Assert.True(IsClosed(), "The connection goes on.");
        return said;
    }

    /// <summary>Sends a pass that came whole but cannot be computed.</summary>
    /// <returns>What the machine says.</returns>
    public string Failed(RawPass pass) => Failed([(byte)MachineCommand.Pass, .. pass.ToBytes()]);

    private string Failed(ReadOnlySpan<byte> bytes)
    {
        Send(bytes);
        Assert.Equal(MachineAnswer.Failed, ReadAnswer());
        return ReadText();
    }

    public byte[] Read(int count)
    {
        byte[] bytes = new byte[count];
        _stream.ReadExactly(bytes);
        return bytes;
    }

    public string ReadText() => Encoding.UTF8.GetString(Read((int)BitConverter.ToInt64(Read(8))));

    /// <summary>Reads until the machine closes the connection; fails if it does not within 15 seconds.</summary>
    public byte[] ReadToEnd()
    {
        using MemoryStream all = new();
        try
        {
            _stream.CopyTo(all);
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            // Closed with something unread.
        }

        return all.ToArray();
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private bool IsClosed() => ReadToEnd().Length == 0;

    private MachineAnswer ReadAnswer()
    {
        MachineAnswer answer;
        do
        {
            answer = (MachineAnswer)Read(1)[0];
        }
        while (answer == MachineAnswer.Working);

        return answer;
    }
}
