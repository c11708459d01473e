// One connection of a machine that computes layers (MachineProtocol.cs): a model of a program elsewhere.
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>Serves one connection until it ends.</summary>
/// <param name="socket">Connected.</param>
/// <param name="kernels">Where layers run.</param>
/// <param name="options">Of the machine.</param>
/// <param name="room">Bytes that the machine has left for weights.</param>
/// <param name="computing">Held while kernels run: those of all connections share their threads.</param>
/// <param name="log">Told who comes and goes.</param>
internal sealed class WorkerSession(
    Socket socket, KernelTable kernels, LayerWorkerOptions options, Func<long> room, Lock computing, Action<string> log) : IDisposable
{
    private const long MostGarbage = 32 << 20;

    private readonly string _peer = $"{socket.RemoteEndPoint}";
    private readonly MessageStream _stream = new(socket);
    private readonly Lock _writing = new();
    private LayerStage? _stage;
    private long _collectedAt;
    private bool _isWorking;

    /// <summary>What its weights take.</summary>
    public long Bytes => Volatile.Read(ref _stage)?.Bytes ?? 0;

    /// <summary>Serves until the program goes, or something is wrong.</summary>
    public void Run()
    {
        string end = "gone";
        using Timer timer = new(_ => SayWorking(), null, MachineProtocol.WorkingInterval, MachineProtocol.WorkingInterval);
        try
        {
            if (!Greet())
            {
                return;
            }

            while (_stream.WaitForByte() is byte command)
            {
                Do((MachineCommand)command);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            end = $"lost ({e.Message})";
        }
        catch (Exception e)
        {
            // Whatever a program sends, the machine goes on for others.
            end = $"refused: {e.Message}";
            Fail(e is OutOfMemoryException ? "Expected memory for these layers, found too little of it." : e.Message);
        }

        if (_stage is not null)
        {
            log($"{_peer}: {end}");
        }
    }

    public void Dispose() => _stream.Dispose();

    // False: the other side does not know the key, or speaks something else.
    private bool Greet()
    {
        byte[] own = RandomNumberGenerator.GetBytes(MachineProtocol.NonceBytes);
        _stream.Write(MachineProtocol.Magic);
        _stream.Write((long)MachineProtocol.Version);
        _stream.Write(own);
        _stream.Flush();
        Span<byte> magic = stackalloc byte[MachineProtocol.Magic.Length];
        _stream.Read(magic);
        if (!magic.SequenceEqual(MachineProtocol.Magic))
        {
            return false;
        }

        _stream.ReadNumber(MachineProtocol.Version, MachineProtocol.Version, "a version");
        byte[] program = new byte[MachineProtocol.NonceBytes];
        _stream.Read(program);
        byte[] expected = options.Key.Proof("program"u8, own, program);
        byte[] proof = new byte[expected.Length];
        _stream.Read(proof);
        if (!CryptographicOperations.FixedTimeEquals(proof, expected))
        {
            log($"{_peer}: has another key, or none");
            Fail("Expected the key of this machine, found another or none. "
                + $"Set {MachineKey.Variable} or give --machines-key-file.");
            return false;
        }

        _stream.Write((byte)MachineAnswer.Done);
        _stream.Write(options.Key.Proof("machine"u8, own, program));
        _stream.Write(Math.Max(0, room()));
        _stream.Flush();
        return true;
    }

    private void Do(MachineCommand command)
    {
        switch (command)
        {
            case MachineCommand.Begin when _stage is null:
                LayerAssignment assignment = LayerAssignment.Parse(_stream.ReadText("layers"));
                Volatile.Write(ref _stage, new LayerStage(assignment, kernels));
                int last = assignment.First + assignment.Count;
                string model = ErrorText.Quote(assignment.Model);
                log($"{_peer}: layers {assignment.First + 1}–{last} of {assignment.NumHiddenLayers} of {model}");
                Answer();
                break;
            case MachineCommand.Weight when _stage is not null:
                (NetworkWeight weight, Tensor value) = TensorMessage.Read(_stream, _stage.Expected, room(), "The machine");
                Compute(() => _stage.Add(weight, value));
                CollectGarbage();
                Answer();
                break;
            case MachineCommand.Complete when _stage is not null:
                _stage.Complete();
                log($"{_peer}: ready, {_stage.Bytes / 1e6:F0} MB of weights");
                Answer();
                break;
            case MachineCommand.Pass when _stage is not null:
                PassRows pass = _stage.Read(_stream);
                Compute(() => _stage.Forward(pass));
                Answer(MemoryMarshal.AsBytes(_stage.H));
                break;
            default:
                throw new InvalidDataException($"Expected what a program may ask next, found {(byte)command}.");
        }
    }

    private void Compute(Action work)
    {
        SetWorking(true);
        try
        {
            lock (computing)
            {
                work();
            }
        }
        finally
        {
            SetWorking(false);
        }
    }

    private void Answer(ReadOnlySpan<byte> result = default)
    {
        lock (_writing)
        {
            _stream.Write((byte)MachineAnswer.Done);
            _stream.Write(result);
            _stream.Flush();
        }
    }

    private void Fail(string reason)
    {
        try
        {
            lock (_writing)
            {
                _stream.Write((byte)MachineAnswer.Failed);
                _stream.Write(reason);
                _stream.Flush();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It is gone and cannot be told.
        }
    }

    private void SetWorking(bool isWorking)
    {
        lock (_writing)
        {
            _isWorking = isWorking;
        }
    }

    private void SayWorking()
    {
        try
        {
            lock (_writing)
            {
                if (_isWorking)
                {
                    _stream.Write((byte)MachineAnswer.Working);
                    _stream.Flush();
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Who computes finds out when it answers.
        }
    }

    // What was received and then packed is garbage, together as large as the layers; the runtime would let it grow.
    private void CollectGarbage()
    {
        if (GC.GetTotalAllocatedBytes() - _collectedAt > MostGarbage)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
            _collectedAt = GC.GetTotalAllocatedBytes();
        }
    }
}
