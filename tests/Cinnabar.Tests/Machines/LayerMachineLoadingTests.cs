using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

/// <summary>What a program says of a machine that is none, or is lost while it is given its layers.</summary>
public sealed class LayerMachineLoadingTests
{
    private const string CheckTheAddress = "Check the address, and see what 'cinnabar worker' says there.";

    private static readonly byte[] s_greeting = FakeMachine.Greeting();

    [Fact]
    public void Connect_NobodyListens_IsOneSentence()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        string said = Refused(port);
        Assert.StartsWith($"Expected a machine that computes layers at 127.0.0.1:{port}, found: ", said);
        Assert.EndsWith("Start 'cinnabar worker' there, and check the address.", said);
    }

    [Fact]
    public void Connect_NameThatThereIsNone_IsOneSentence()
    {
        MachineList machines = MachineList.Parse("no-such-machine.invalid:9", MachineKey.None);
        CinnabarException e = Assert.Throws<CinnabarException>(() => Connect(machines));
        Assert.StartsWith("Expected a machine that computes layers at no-such-machine.invalid:9, found: ", e.Message);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request")]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n")]
    [InlineData("CNBRLAYX-and-further-bytes-of-something-else-than-a-machine")]
    public void Connect_SomethingElse_IsOneSentence(string answer)
    {
        using FakeMachine machine = new(Encoding.ASCII.GetBytes(answer));
        Assert.Equal(
            $"127.0.0.1:{machine.Port}: Expected a machine that computes layers, found something else that answers. " + CheckTheAddress,
            Refused(machine.Port));
    }

    [Fact]
    public void Connect_AnotherVersion_SaysWhatToDo()
    {
        using FakeMachine machine = new(FakeMachine.Greeting(MachineProtocol.Version + 1));
        Assert.Equal(
            $"127.0.0.1:{machine.Port}: Expected a machine of protocol version 1, found version 2: another version of Cinnabar. "
            + CheckTheAddress,
            Refused(machine.Port));
    }

    // The machine's whole greeting and answer, cut anywhere.
    [Fact]
    public void Connect_MachineThatGoesWhileItGreets_IsOneSentence()
    {
        for (int bytes = 0; bytes <= s_greeting.Length; bytes++)
        {
            using FakeMachine machine = new(s_greeting[..bytes]);
            Assert.Equal(
                $"Expected a machine at 127.0.0.1:{machine.Port} that takes layers, found the connection lost: "
                + $"the other side closed the connection. {CheckTheAddress}",
                Refused(machine.Port));
        }
    }

    [Theory]
    [InlineData((byte)0)]
    [InlineData((byte)77)]
    public void Connect_AnswerThatIsNone_IsOneSentence(byte answer)
    {
        using FakeMachine machine = new([.. s_greeting, answer]);
        Assert.StartsWith(
            $"127.0.0.1:{machine.Port}: Expected an answer of a machine, found something else. ", Refused(machine.Port));
    }

    [Fact]
    public void Connect_MachineWithoutAProof_IsOneSentence()
    {
        using FakeMachine machine = new([.. s_greeting, (byte)MachineAnswer.Done, .. new byte[40]]);
        Assert.StartsWith(
            $"127.0.0.1:{machine.Port}: Expected a machine that knows the key, found one that does not. ", Refused(machine.Port));
    }

    // A message of Expected … found … is not put into another of these.
    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Connect_MemoryThatCannotBe_IsOneSentence(long memory)
    {
        using FakeMachine machine = FakeMachine.Greeted(memory);
        Assert.StartsWith(
            $"127.0.0.1:{machine.Port}: Expected the memory of a machine, 0 … 9223372036854775807, found {memory}. ",
            Refused(machine.Port));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(MachineProtocol.MostTextBytes + 1)]
    [InlineData(long.MaxValue)]
    public void Connect_RefusalOfImpossibleLength_IsOneSentence(long length)
    {
        using FakeMachine machine = new([.. s_greeting, (byte)MachineAnswer.Failed, .. RawProgram.Number(length)]);
        Assert.StartsWith(
            $"127.0.0.1:{machine.Port}: Expected the length of an error, 0 … 65536, found {length}. ", Refused(machine.Port));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Connect_OtherKeys_NamesTheMachineAndTheVariable(bool machineHasOne, bool programHasOne)
    {
        using TestMachines machines = new(1, key: machineHasOne ? MachineKey.Read(file: null, "key-of-the-machine") : null);
        MachineKey key = programHasOne ? MachineKey.Read(file: null, "key-of-the-program") : MachineKey.None;
        CinnabarException e = Assert.Throws<CinnabarException>(() => Connect(machines.List(1) with { Key = key }));
        Assert.StartsWith($"127.0.0.1:{machines.Port}: Expected the key of this machine, found another or none.", e.Message);
        Assert.Contains(MachineKey.Variable, e.Message);
        Assert.DoesNotContain("key-of-the", e.Message);
    }

    [Fact]
    public void Connect_SecondMachineThatIsNotThere_LetsTheFirstGo()
    {
        using TestMachines machines = new(1);
        using FakeMachine second = new("something else"u8.ToArray());
        MachineList list = new([.. machines.List().Addresses, new MachineAddress("127.0.0.1", second.Port, null)], MachineKey.None);
        Assert.Throws<CinnabarException>(() => Connect(list));
        for (int i = 0; i < 64; i++)
        {
            Record.Exception(() => Connect(list));
        }

        TestMachines.Eventually(() => Record.Exception(() => GoodProgram.Works(machines)) is null, "a good program is served");
    }

    [Fact]
    public void Load_MachineThatGoesAnywhere_IsOneSentenceAtOnce()
    {
        using TestMachines machines = new(1);
        int all;
        using (MachineProxy whole = new(machines.Port))
        {
            whole.Network(RawProgram.SmallNetwork, 1);
            all = (int)whole.FromMachine;
        }

        for (int bytes = 1; bytes < all; bytes++)
        {
            using MachineProxy proxy = new(machines.Port);
            proxy.CloseAfter(bytes);
            Stopwatch watch = Stopwatch.StartNew();
            CinnabarException e = Assert.Throws<CinnabarException>(() => proxy.Network(RawProgram.SmallNetwork, 1));
            AssertOneSentence(e.Message);
            Assert.Contains($"127.0.0.1:{proxy.Port}", e.Message);
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        }
    }

    [Theory]
    [InlineData("Expected less of it.")]
    [InlineData("two\nlines \u001b[2J and a terminal escape")]
    [InlineData("")]
    public void Load_Refusal_IsShownWithTheAddress(string text)
    {
        using FakeMachine machine = FakeMachine.Greeted(1 << 30, [(byte)MachineAnswer.Failed, .. RawProgram.Text(text)]);
        string said = Refused(machine.Port);
        Assert.StartsWith($"127.0.0.1:{machine.Port}: {text.Split('\n')[0]}", said);
    }

    [Fact]
    public void Load_LongRefusal_IsCut()
    {
        using FakeMachine machine = FakeMachine.Greeted(
            1 << 30, [(byte)MachineAnswer.Failed, .. RawProgram.Text(new string('x', MachineProtocol.MostTextBytes))]);
        Assert.InRange(Refused(machine.Port).Length, 300, 500);
    }

    [Theory]
    [InlineData("An accelerator", "An accelerator")]
    [InlineData("two\nlines\u001b[2J", "two lines [2J")]
    [InlineData("", "")]
    public void Placement_Kernels_AreShownWithoutControlCharacters(string kernels, string shown)
    {
        using FakeMachine machine = FakeMachine.Greeted(1 << 30, over: null, [(byte)MachineAnswer.Done], kernels);
        MachineList list = new([new MachineAddress("127.0.0.1", machine.Port, 1)], MachineKey.None);
        using LayerPipeline pipeline = RawProgram.SmallNetwork.Connect(list);
        Assert.Equal($"layer 1 here, layer 2 on 127.0.0.1:{machine.Port} ({shown})", pipeline.Placement);
    }

    [Fact]
    public void Placement_LongKernels_AreCut()
    {
        string longest = new('x', MachineProtocol.MostTextBytes);
        using FakeMachine machine = FakeMachine.Greeted(1 << 30, over: null, [(byte)MachineAnswer.Done], longest);
        MachineList list = new([new MachineAddress("127.0.0.1", machine.Port, 1)], MachineKey.None);
        using LayerPipeline pipeline = RawProgram.SmallNetwork.Connect(list);
        Assert.InRange(pipeline.Placement.Length, 300, 500);
        using FakeMachine other = FakeMachine.Greeted(1 << 30, over: null, [], longest + "x");
        Assert.StartsWith(
            $"127.0.0.1:{other.Port}: Expected the length of the kernels of a machine, 0 … 65536, found 65537. ", Refused(other.Port));
    }

    private static void Connect(MachineList machines) => RawProgram.SmallNetwork.Connect(machines).Dispose();

    private static string Refused(int port)
    {
        MachineList machines = new([new MachineAddress("127.0.0.1", port, 1)], MachineKey.None);
        Stopwatch watch = Stopwatch.StartNew();
        string said = Assert.Throws<CinnabarException>(() => Connect(machines)).Message;
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        AssertOneSentence(said);
        return said;
    }

    private static void AssertOneSentence(string said)
    {
        Assert.DoesNotContain('\n', said);
        Assert.DoesNotContain('\u001b', said);
        Assert.DoesNotContain("..", said);
        Assert.DoesNotContain("found Expected", said);
    }
}
