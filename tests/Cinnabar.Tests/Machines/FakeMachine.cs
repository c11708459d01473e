using System.Net;
using System.Net.Sockets;
using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

/// <summary>Something that listens where a machine should, and says what a test wants.</summary>
internal sealed class FakeMachine : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    /// <summary>Begins to listen; the connection is closed when <paramref name="talk"/> is at its end.</summary>
    public FakeMachine(Action<NetworkStream> talk)
    {
        _listener.Start();
        new Thread(() =>
        {
            try
            {
                while (true)
                {
                    using Socket socket = _listener.AcceptSocket();
                    using NetworkStream stream = new(socket);
                    talk(stream);
                    socket.Shutdown(SocketShutdown.Send);
                    stream.CopyTo(Stream.Null); // closed with something unread, the last words might get lost
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException or IOException)
            {
                // The test is over.
            }
        }) { IsBackground = true }.Start();
    }

    /// <summary>Begins to listen, and says some bytes at once.</summary>
    public FakeMachine(params byte[] bytes)
        : this(stream => stream.Write(bytes))
    {
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>A correct greeting.</summary>
    public static byte[] Greeting(long version = MachineProtocol.Version) =>
        [.. MachineProtocol.Magic, .. RawProgram.Number(version), .. new byte[32]];

    /// <summary>Greets as a machine without a key does, then says some bytes.</summary>
    public static FakeMachine Greeted(long memory, params byte[] further) => Greeted(memory, over: null, further);

    /// <summary>The same; then it is silent until it is over.</summary>
    public static FakeMachine Greeted(
        long memory, ManualResetEventSlim? over, byte[] further, string kernels = "some kernels") => new(stream =>
    {
        stream.Write(Greeting());
        byte[] program = new byte[80];
        stream.ReadExactly(program);
        byte[] proof = MachineKey.None.Proof("machine"u8, new byte[32], program.AsSpan(16, 32));
        stream.Write([(byte)MachineAnswer.Done, .. proof, .. RawProgram.Number(memory), .. RawProgram.Text(kernels), .. further]);
        over?.Wait(TimeSpan.FromMinutes(1));
    });

    public void Dispose() => _listener.Dispose();
}
