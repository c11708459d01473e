// One connection of a machine that computes layers (MachineProtocol.cs): a model of a program elsewhere.
using System.Net.Sockets;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>Serves one connection until it ends.</summary>
/// <param name="socket">Connected.</param>
/// <param name="kernels">Where layers run.</param>
/// <param name="key">What programs must know.</param>
/// <param name="memory">What the machine offers.</param>
/// <param name="computing">Held while kernels run: those of all connections share their threads.</param>
/// <param name="log">Told who comes and goes.</param>
internal sealed class WorkerSession(
    Socket socket, KernelTable kernels, MachineKey key, MemoryBudget memory, Lock computing, Action<string> log) : IDisposable
{
    private readonly string _peer = $"{socket.RemoteEndPoint}";
    private readonly MessageStream _stream = new(socket);
    private readonly MemoryBudget.Share _memory = memory.Open();
    private readonly LoadingGarbage _garbage = new();
    private readonly Lock _writing = new();
    private LayerStage? _stage;
    private bool _isWorking;
    private volatile bool _isKnown;
    private volatile bool _isGone;

    /// <summary>Whether the program has shown that it knows the key.</summary>
    public bool IsKnown => _isKnown;

    /// <summary>Bytes that its weights and caches take.</summary>
    public long Bytes => _memory.Bytes;

    /// <summary>Serves until the program goes, or something is wrong.</summary>
    /// <param name="mayBegin">Asked once it is known: whether the machine takes one more.</param>
    public void Run(Func<bool> mayBegin)
    {
        string end = "gone";
        using Timer greeting = new(_ => EndStranger(), null, MachineProtocol.GreetingTimeout, Timeout.InfiniteTimeSpan);
        using Timer working = new(_ => SayWorking(), null, MachineProtocol.WorkingInterval, MachineProtocol.WorkingInterval);
        try
        {
            Greet(mayBegin);
            while (_isKnown && _stream.WaitForByte() is byte command)
            {
                Do((MachineCommand)command);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            end = $"lost: {e.Message}";
        }
        catch (Exception e)
        {
            // Whatever a program sends, the machine goes on for others.
            end = $"refused: {WordsOf(e)}";
            Fail(WordsOf(e));
        }

        if (_isKnown)
        {
            log($"{_peer}: {end}");
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _memory.Dispose();
    }

    private void Greet(Func<bool> mayBegin)
    {
        byte[] own = MachineProtocol.WriteGreeting(_stream);
        _stream.Flush();
        if (!MachineProtocol.ReadMagic(_stream))
        {
            return;
        }

        _stream.ReadNumber(MachineProtocol.Version, MachineProtocol.Version, "a version");
        byte[] program = _stream.ReadBytes(MachineProtocol.NonceBytes);
        if (!MachineProtocol.ReadProof(_stream, key.Proof("program"u8, own, program)))
        {
            log($"{_peer}: has another key, or none");
            Fail($"Expected the key of this machine, found another or none. Set {MachineKey.Variable} or give --machines-key-file.");
            return;
        }

        if (!mayBegin())
        {
            log($"{_peer}: this machine has as many models as it takes");
            throw new InvalidDataException("Expected fewer models on this machine, found as many as it takes. Use another machine.");
        }

        _isKnown = true;
        _stream.Write((byte)MachineAnswer.Done);
        _stream.Write(key.Proof("machine"u8, own, program));
        _stream.Write(memory.Left);
        _stream.Write(kernels.Device?.Name ?? $"{kernels.Form} kernels".ToLowerInvariant());
        _stream.Flush();
    }

    private void Do(MachineCommand command)
    {
        switch (command)
        {
            case MachineCommand.Begin when _stage is null:
                LayerAssignment assignment = LayerAssignment.Parse(_stream.ReadText("layers"));
                _stage = new LayerStage(assignment, kernels, _memory);
                string layers = LayerPlan.InWords(assignment.First, assignment.First + assignment.Count);
                log($"{_peer}: {layers} of {assignment.NumHiddenLayers} of {ErrorText.Quote(assignment.Model)}");
                Answer();
                break;
            case MachineCommand.Weight when _stage is not null:
                WeightHeader weight = WeightHeader.Read(_stream, _stage.Expected);
                _stage.Announce(weight);
                Answer();
                Tensor value = weight.ReadBytes(_stream);
                Compute(() => _stage.Add(weight, value));
                _garbage.Collect();
                Answer();
                break;
            case MachineCommand.Complete when _stage is not null:
                _stage.Complete();
                log($"{_peer}: ready, {_memory.Bytes / 1e6:F0} MB of weights");
                Answer();
                break;
            case MachineCommand.Pass when _stage is not null:
                Pass(_stage);
                break;
            default:
                throw new InvalidDataException($"Expected what a program may ask next, found {(byte)command}.");
        }
    }

    private void Pass(LayerStage stage)
    {
        ReceivedPass pass = stage.Read(_stream);
        try
        {
            Compute(() => stage.Forward(pass));
        }
        catch (Exception e) when (e is not (IOException or DeviceException { IsLost: true }))
        {
            log($"{_peer}: {WordsOf(e)}");
            Fail(WordsOf(e));
            return;
        }

        Answer(NumberBytes.Of(stage.H));
    }

    private void Compute(Action work)
    {
        SetWorking(true);
        try
        {
            lock (computing)
            {
                if (_isGone)
                {
                    throw new IOException("the program went while its work waited");
                }

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
        if (!_writing.TryEnter())
        {
            return; // an answer is on its way
        }

        try
        {
            if (_isWorking)
            {
                _stream.Write((byte)MachineAnswer.Working);
                _stream.Flush();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _isGone = true;
        }
        finally
        {
            _writing.Exit();
        }
    }

    private void EndStranger()
    {
        if (!_isKnown)
        {
            _stream.Dispose();
        }
    }

    private static string WordsOf(Exception error) => error switch
    {
        OutOfMemoryException => "Expected memory for these layers, found too little of it. Give this machine fewer of them.",
        DeviceException device => device.InWords,
        _ => error.Message,
    };
}
