// A machine that computes some layers, as the program sees it that has the others.
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>A connection to a machine. Passes may come from several threads; they are computed one after the other.</summary>
internal sealed class LayerMachine : IDisposable
{
    private const int MostShown = 400; // characters of what the machine says
    private const string LookThere = "See what 'cinnabar worker' says there.";
    private const string CheckIt = "Check the address, and see what 'cinnabar worker' says there.";

    private readonly Lock _oneAtATime = new();
    private readonly List<long> _forgotten = []; // caches, not yet told
    private readonly MessageStream _stream;
    private DeviceException? _lost;

    private LayerMachine(MachineAddress address, MessageStream stream) => (Address, _stream) = (address, stream);

    /// <summary>Where it is.</summary>
    public MachineAddress Address { get; }

    /// <summary>Bytes that it offers for weights and caches.</summary>
    public long Memory { get; private set; }

    /// <summary>What it computes with: a form of kernels, or a GPU.</summary>
    public string Kernels { get; private set; } = "";

    /// <summary>Connects, and shows that both sides know the key.</summary>
    /// <exception cref="CinnabarException">Nothing there computes layers, or it has another key.</exception>
    public static LayerMachine Connect(MachineAddress address, MachineKey key)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        LayerMachine? machine = null;
        try
        {
            using CancellationTokenSource timeout = new(MachineProtocol.GreetingTimeout);
            socket.ConnectAsync(address.Host, address.Port, timeout.Token).AsTask().GetAwaiter().GetResult();
            machine = new LayerMachine(address, new MessageStream(socket));
            machine.WhileLoading(() => machine.Greet(key));
            return machine;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            string found = e is SocketException ? e.Message : $"no answer in {MachineProtocol.GreetingTimeout.TotalSeconds:F0} s";
            throw new CinnabarException(
                $"Expected a machine that computes layers at {address}, found: {found}.",
                "Start 'cinnabar worker' there, and check the address.",
                e);
        }
        catch
        {
            machine?.Dispose();
            throw;
        }
    }

    /// <summary>Tells it which layers to take.</summary>
    /// <exception cref="CinnabarException">It cannot, or is gone.</exception>
    public void Begin(LayerAssignment assignment) => WhileLoading(() =>
    {
        _stream.Write((byte)MachineCommand.Begin);
        _stream.Write(assignment.ToJson());
        ReadAnswer();
    });

    /// <summary>Sends a weight.</summary>
    /// <inheritdoc cref="Begin" path="/exception"/>
    public void Send(NetworkWeight weight, Tensor value) => WhileLoading(() =>
    {
        _stream.Write((byte)MachineCommand.Weight);
        WeightHeader.Of(weight.Name, value).Write(_stream);
        ReadAnswer();
        WeightHeader.WriteBytes(_stream, value);
        ReadAnswer();
    });

    /// <summary>Tells it that all weights are there.</summary>
    /// <inheritdoc cref="Begin" path="/exception"/>
    public void Complete() => WhileLoading(() =>
    {
        _stream.Write((byte)MachineCommand.Complete);
        ReadAnswer();
    });

    /// <summary>Lets it give up what it keeps of a canvas, with the next pass.</summary>
    public void Forget(long cache)
    {
        lock (_oneAtATime)
        {
            _forgotten.Add(cache);
        }
    }

    /// <summary>Computes its layers.</summary>
    /// <param name="pass">Whose rows.</param>
    /// <param name="h">[T, C], of the layers before; receives that of these.</param>
    /// <exception cref="DeviceException">The machine could not, or is gone.</exception>
    public void Forward(PassRows pass, Span<float> h)
    {
        lock (_oneAtATime)
        {
            if (_lost is not null)
            {
                throw _lost;
            }

            try
            {
                int forgotten = Math.Min(_forgotten.Count, PassMessage.MostForgotten);
                _stream.Write((byte)MachineCommand.Pass);
                PassMessage.Write(_stream, pass, CollectionsMarshal.AsSpan(_forgotten)[..forgotten], h);
                ReadAnswer();
                _stream.Read(NumberBytes.Of(h));
                _forgotten.RemoveRange(0, forgotten);
            }
            catch (RefusedException e)
            {
                throw new DeviceException($"{Address}: {e.Message}", LookThere);
            }
            catch (Exception e)
            {
                // Whatever it is, the two sides may not agree any more on what comes next.
                _stream.Dispose();
                _lost = new DeviceException(
                    $"Expected {Address} to compute its layers, found the connection lost: {e.Message.TrimEnd('.')}.",
                    "See what 'cinnabar worker' says there, then load the model again.") { IsLost = true };
                throw _lost;
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    private void Greet(MachineKey key)
    {
        if (!MachineProtocol.ReadMagic(_stream))
        {
            throw new InvalidDataException("Expected a machine that computes layers, found something else that answers.");
        }

        long version = _stream.ReadNumber(0, int.MaxValue, "a version");
        if (version != MachineProtocol.Version)
        {
            throw new InvalidDataException(
                $"Expected a machine of protocol version {MachineProtocol.Version}, found version {version}: another version of Cinnabar.");
        }

        byte[] machine = _stream.ReadBytes(MachineProtocol.NonceBytes);
        byte[] own = MachineProtocol.WriteGreeting(_stream);
        _stream.Write(key.Proof("program"u8, machine, own));
        ReadAnswer();
        if (!MachineProtocol.ReadProof(_stream, key.Proof("machine"u8, machine, own)))
        {
            throw new InvalidDataException("Expected a machine that knows the key, found one that does not.");
        }

        Memory = _stream.ReadNumber(0, long.MaxValue, "the memory of a machine");
        Kernels = Shown(_stream.ReadText("the kernels of a machine"));
    }

    // Sends what was written and waits until it is done.
    private void ReadAnswer()
    {
        _stream.Flush();
        while (true)
        {
            switch ((MachineAnswer)_stream.ReadByte())
            {
                case MachineAnswer.Done:
                    return;
                case MachineAnswer.Working:
                    break;
                case MachineAnswer.Failed:
                    throw new RefusedException(Shown(_stream.ReadText("an error")));
                default:
                    throw new InvalidDataException("Expected an answer of a machine, found something else.");
            }
        }
    }

    private void WhileLoading(Action ask)
    {
        try
        {
            ask();
        }
        catch (RefusedException e)
        {
            throw new CinnabarException($"{Address}: {e.Message}", "", e);
        }
        catch (InvalidDataException e)
        {
            throw new CinnabarException($"{Address}: {e.Message}", CheckIt, e);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new CinnabarException(
                $"Expected a machine at {Address} that takes layers, found the connection lost: {e.Message.TrimEnd('.')}.",
                CheckIt,
                e);
        }
    }

    private static string Shown(string text) =>
        string.Concat(text.Take(MostShown).Select(c => char.IsControl(c) ? ' ' : c));

    // The machine said that it cannot do what it was asked.
    private sealed class RefusedException(string message) : Exception(message);
}
