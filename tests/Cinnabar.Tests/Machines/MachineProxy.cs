using System.Net;
using System.Net.Sockets;
using Cinnabar.Machines;
using Cinnabar.Models;

namespace Cinnabar.Tests.Machines;

/// <summary>Stands between a program and a machine: keeps what travels, and lets the machine seem to die or to talk nonsense.</summary>
internal sealed class MachineProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];
    private readonly List<byte> _fromProgram = [];
    private readonly Lock _lock = new();
    private readonly int _machine;
    private long _fromMachine;
    private long _most = long.MaxValue;
    private byte[]? _replacement;
    private bool _isDisposed;

    /// <summary>Begins to listen.</summary>
    /// <param name="machine">Port of the machine.</param>
    public MachineProxy(int machine)
    {
        _machine = machine;
        _listener.Start();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    /// <summary>All that programs sent.</summary>
    public byte[] FromProgram
    {
        get
        {
            lock (_lock)
            {
                return [.. _fromProgram];
            }
        }
    }

    /// <summary>Bytes that the machine sent.</summary>
    public long FromMachine => Interlocked.Read(ref _fromMachine);

    /// <summary>Connections so far.</summary>
    public int Connections { get; private set; }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public MachineList List(int? layers) => new([new MachineAddress("127.0.0.1", Port, layers)], MachineKey.None);

    /// <summary>A network with its last layers behind the proxy.</summary>
    public TransformerDenoiser Network(TestNetwork network, int layers) => network.Over(network.Connect(List(layers)));

    /// <summary>Closes the connection when the machine has sent so many bytes more.</summary>
    public void CloseAfter(long bytes) => _most = FromMachine + bytes;

    /// <summary>Sends something else instead of what the machine says next, then closes the connection.</summary>
    public void Replace(byte[] bytes) => _replacement = bytes;

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _sockets.ForEach(socket => socket.Dispose());
        }

        _listener.Dispose();
    }

    private void Accept()
    {
        while (true)
        {
            try
            {
                Socket program = _listener.AcceptSocket();
                Socket machine = new(SocketType.Stream, ProtocolType.Tcp);
                machine.Connect(IPAddress.Loopback, _machine);
                machine.NoDelay = program.NoDelay = true;
                lock (_lock)
                {
                    _sockets.AddRange(program, machine);
                    Connections++;
                }

                new Thread(() => Pump(program, machine, Keep)) { IsBackground = true }.Start();
                new Thread(() => Pump(machine, program, bytes => Answer(program, bytes))) { IsBackground = true }.Start();
            }
            catch (Exception e) when (_isDisposed || e is SocketException or ObjectDisposedException)
            {
                if (_isDisposed)
                {
                    return;
                }
            }
        }
    }

    private bool Keep(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            _fromProgram.AddRange(bytes);
            return true;
        }
    }

    // False: that was all.
    private bool Answer(Socket program, ReadOnlySpan<byte> bytes)
    {
        if (_replacement is byte[] other)
        {
            program.Send(other);
            return false;
        }

        long before = FromMachine;
        Interlocked.Add(ref _fromMachine, bytes.Length);
        if (before + bytes.Length < _most)
        {
            return true;
        }

        program.Send(bytes[..(int)(_most - before)]);
        return false;
    }

    private static void Pump(Socket from, Socket to, Received received)
    {
        byte[] buffer = new byte[1 << 16];
        try
        {
            for (int count = from.Receive(buffer); count > 0 && received(buffer.AsSpan(0, count)); count = from.Receive(buffer))
            {
                to.Send(buffer.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One of them is gone.
        }

        from.Dispose();
        to.Dispose();
    }

    private delegate bool Received(ReadOnlySpan<byte> bytes);
}
