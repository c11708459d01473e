// A machine that computes layers for programs elsewhere. It opens no file: weights come over the connection and go when it ends.
using System.Net;
using System.Net.Sockets;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>Listens, and computes the layers of every model that a program gives it.</summary>
/// <example>
/// <code>
/// using LayerWorker worker = new(KernelTable.Create(threads: null), new LayerWorkerOptions(), Console.Error.WriteLine);
/// worker.Start();
/// Console.ReadLine();
/// </code>
/// </example>
public sealed class LayerWorker : IDisposable
{
    private const int MostModels = 64;
    private const int MostStrangers = 64; // connections that have not shown yet that they know the key
    private const long WorthCollecting = 64 << 20; // bytes

    private readonly LayerWorkerOptions _options;
    private readonly Action<string> _log;
    private readonly KernelTable _kernels;
    private readonly MemoryBudget _memory;
    private readonly TcpListener _listener;
    private readonly List<WorkerSession> _sessions = [];
    private readonly Lock _computing = new();
    private bool _isDisposed;

    /// <summary>Makes a machine that does not listen yet.</summary>
    /// <param name="kernels">Where layers run.</param>
    /// <param name="options">Where it listens, who may use it, and what it offers.</param>
    /// <param name="log">Told, a line each, who comes and goes; from several threads.</param>
    /// <exception cref="CinnabarException">An option is out of range, or anybody could use it from elsewhere.</exception>
    public LayerWorker(KernelTable kernels, LayerWorkerOptions options, Action<string> log)
    {
        options.Validate();
        (_kernels, _options, _log) = (kernels, options, log);
        Memory = options.Memory ?? LayerWorkerOptions.StandardMemory(kernels);
        _memory = new MemoryBudget(Memory);
        _listener = new TcpListener(options.Address, options.Port);
    }

    /// <summary>Where it listens, once it does.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>Bytes that it offers for weights and caches.</summary>
    public long Memory { get; }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="CinnabarException">The port is taken, or the address is not of this machine.</exception>
    public void Start()
    {
        try
        {
            _listener.Start();
        }
        catch (SocketException e)
        {
            throw new CinnabarException(
                $"Expected to listen on {_options.Address}, port {_options.Port}, found: {e.Message}.",
                "Choose another --port or --host.",
                e);
        }

        new Thread(Accept) { IsBackground = true, Name = "machines" }.Start();
    }

    /// <summary>Ends all connections.</summary>
    public void Dispose()
    {
        lock (_sessions)
        {
            _isDisposed = true;
            _sessions.ForEach(session => session.Dispose());
        }

        _listener.Dispose();
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _listener.AcceptSocket();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                if (_isDisposed)
                {
                    return;
                }

                Thread.Sleep(100); // too many open files, a peer that was gone at once: later ones may do better
                continue;
            }

            Begin(socket);
        }
    }

    private void Begin(Socket socket)
    {
        lock (_sessions)
        {
            if (_isDisposed)
            {
                socket.Dispose();
                return;
            }

            if (_sessions.Count(session => !session.IsKnown) >= MostStrangers)
            {
                // Who has had the longest time to show the key: so strangers do not keep out whoever has it.
                WorkerSession oldest = _sessions.Find(session => !session.IsKnown)!;
                _sessions.Remove(oldest);
                oldest.Dispose();
            }

            WorkerSession session;
            try
            {
                session = new WorkerSession(socket, _kernels, _options.Key, _memory, _computing, _log);
            }
            catch (SocketException)
            {
                socket.Dispose(); // gone before it was greeted
                return;
            }

            _sessions.Add(session);
            new Thread(() => Serve(session)) { IsBackground = true, Name = "layers" }.Start();
        }
    }

    private void Serve(WorkerSession session)
    {
        long held = 0;
        try
        {
            session.Run(MayBegin);
            held = session.Bytes;
        }
        finally
        {
            lock (_sessions)
            {
                _sessions.Remove(session);
            }

            session.Dispose();
        }

        if (held > WorthCollecting)
        {
            LoadingGarbage.GiveBack();
        }
    }

    private bool MayBegin()
    {
        lock (_sessions)
        {
            return _sessions.Count(session => session.IsKnown) < MostModels;
        }
    }
}
