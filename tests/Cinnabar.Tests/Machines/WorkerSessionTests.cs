using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Cinnabar.Machines;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>
/// A machine that is stopped while it does something for a program. What leaves Run would end the process: it is the thread of a
/// connection.
/// </summary>
public sealed class WorkerSessionTests
{
    // The lines that it says are the places where a test can stop it: when it took the layers, and when it has all weights.
    [Theory]
    [InlineData(": layer 2 of 2")]
    [InlineData(": ready")]
    [InlineData("has another key")]
    public async Task Dispose_InTheMiddle_EndsTheSessionQuietly(string line)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<Exception?> session = Task.Run(() => Serve(listener, line));
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Record.Exception(() => Talk(port, hasKey: line != "has another key"));
        Exception? thrown = await session.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(thrown is null, $"It would end the process: {thrown}");
    }

    // As when it is stopped just before it waits for the next command.
    [Fact]
    public async Task Run_OfADisposedSession_EndsQuietly()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using Socket program = new(SocketType.Stream, ProtocolType.Tcp);
        program.Connect(listener.LocalEndpoint);
        WorkerSession session = SessionOf(listener.AcceptSocket(), _ => { });
        session.Dispose();
        Exception? thrown = await Task.Run(() => Record.Exception(() => session.Run(() => true))).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(thrown is null, $"It would end the process: {thrown}");
    }

    // Kernels serve one program at a time. The others hear that the machine works, and what nobody waits for any more is not computed.
    [Fact]
    public async Task Run_WhileOthersCompute_SaysSoAndComputesNothingForAProgramThatWent()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Lock computing = new();
        ConcurrentQueue<string> log = [];
        Task session = Task.Run(() =>
        {
            using WorkerSession served = SessionOf(listener.AcceptSocket(), log.Enqueue, computing);
            served.Run(() => true);
        });
        Wait();
        await session.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.EndsWith(": lost: the program went while its work waited", log.Last());

        void Wait()
        {
            using RawProgram program = RawProgram.Ready(((IPEndPoint)listener.LocalEndpoint).Port, RawProgram.Small);
            using (computing.EnterScope())
            {
                Stopwatch watch = Stopwatch.StartNew();
                program.Send([(byte)MachineCommand.Pass, .. new RawPass().ToBytes()]);
                Assert.Equal((byte)MachineAnswer.Working, program.Read(1)[0]);
                Assert.InRange(watch.Elapsed, TimeSpan.Zero, 3 * MachineProtocol.WorkingInterval);
                program.Dispose();
                Thread.Sleep(2.5 * MachineProtocol.WorkingInterval); // the first word after the end may seem to arrive
            }
        }
    }

    private static Exception? Serve(TcpListener listener, string line)
    {
        WorkerSession? session = null;
        session = SessionOf(listener.AcceptSocket(), said =>
        {
            if (said.Contains(line, StringComparison.Ordinal))
            {
                session!.Dispose();
            }
        });
        return Record.Exception(() => session.Run(() => true));
    }

    private static WorkerSession SessionOf(Socket socket, Action<string> log, Lock? computing = null) => new(
        socket, KernelTable.Create(threads: 1), MachineKey.None, new MemoryBudget(TestMachines.Memory), computing ?? new Lock(), log);

    private static void Talk(int port, bool hasKey)
    {
        if (hasKey)
        {
            RawProgram.Ready(port, RawProgram.Small).Dispose();
            return;
        }

        using RawProgram program = RawProgram.Silent(port);
        program.Send(program.GreetingWith(MachineKey.Read(file: null, "a-key-it-does-not-have")));
        program.ReadToEnd();
    }
}
