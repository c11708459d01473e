using System.Diagnostics;
using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>Machines that die or talk nonsense in a pass: the program is told at once, then and later.</summary>
public sealed class LayerMachinePassTests
{
    private static readonly TestNetwork s_network = TestNetwork.Of("full");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(300)]
    [InlineData((7 * 32 * 4) - 1)]
    public void Pass_MachineThatGoes_IsALostDevice(long bytes)
    {
        using TestMachines machines = new(1);
        using MachineProxy proxy = new(machines.Port);
        TransformerDenoiser network = proxy.Network(s_network, 2);
        network.Logits(s_network.Ids(7), [0]);
        proxy.CloseAfter(bytes);
        DeviceException e = AssertLost(proxy, network);
        Assert.StartsWith($"Expected 127.0.0.1:{proxy.Port} to compute its layers, found the connection lost: ", e.Message);
        Assert.Contains("load the model again", e.InWords);
    }

    public static TheoryData<byte[], string> Nonsense => new()
    {
        { [0], "found the connection lost: Expected an answer of a machine, found something else." },
        { [77, 78, 79], "Expected an answer of a machine, found something else." },
        { [(byte)MachineAnswer.Working, (byte)MachineAnswer.Working, 4], "Expected an answer of a machine, found something else." },
        { [(byte)MachineAnswer.Failed, .. RawProgram.Number(long.MaxValue)], $"an error, 0 … 65536, found {long.MaxValue}." },
        { [(byte)MachineAnswer.Failed, .. RawProgram.Number(-1)], "Expected the length of an error, 0 … 65536, found -1." },
        { [(byte)MachineAnswer.Failed, .. RawProgram.Number(100), 65], "found the connection lost: " },
        { [(byte)MachineAnswer.Working], "found the connection lost: " },
    };

    [Theory]
    [MemberData(nameof(Nonsense))]
    public void Pass_Nonsense_IsALostDevice(byte[] answer, string said)
    {
        using TestMachines machines = new(1);
        using MachineProxy proxy = new(machines.Port);
        TransformerDenoiser network = proxy.Network(s_network, 2);
        proxy.Replace(answer);
        Assert.Contains(said, AssertLost(proxy, network).Message);
    }

    [Fact]
    public void Pass_MachineThatSaysItIsWorking_IsWaitedFor()
    {
        using TestMachines machines = new(1);
        using MachineProxy proxy = new(machines.Port);
        TransformerDenoiser network = proxy.Network(s_network, 2), here = s_network.Here();
        int[] ids = s_network.Ids(5);
        network.Logits(ids, [0]);
        float[] h = new float[5 * s_network.Config.HiddenSize];
        proxy.Replace([2, 2, 2, (byte)MachineAnswer.Done, .. NumberBytes.Of(h)]);
        float[] found = network.Logits(ids, [0]).Floats.ToArray(); // of a norm of nothing
        Assert.All(found, value => Assert.Equal(0, value));
        Assert.NotEqual(found, here.Logits(ids, [0]).Floats.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Batch_OneOfTwoMachinesGoes_IsALostDeviceOnce(int dying)
    {
        using TestMachines machines = new(2);
        using MachineProxy first = new(machines.Workers[0].EndPoint.Port), second = new(machines.Workers[1].EndPoint.Port);
        MachineProxy[] proxies = [first, second];
        MachineList list = new([.. proxies.Select(proxy => new MachineAddress("127.0.0.1", proxy.Port, 1))], MachineKey.None);
        LayerPipeline pipeline = s_network.Connect(list);
        TransformerDenoiser network = s_network.Over(pipeline);
        Batch();
        proxies[dying].CloseAfter(2000);
        for (int i = 0; i < 3; i++)
        {
            Stopwatch watch = Stopwatch.StartNew();
            DeviceException e = Assert.Throws<DeviceException>(Batch);
            Assert.True(e.IsLost);
            Assert.Contains($"127.0.0.1:{proxies[dying].Port}", e.Message);
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        }

        void Batch()
        {
            network.BeginBatch();
            for (int i = 0; i < 9; i++)
            {
                network.AddToBatch(s_network.Ids(5 + i), [1, 2]);
            }

            network.LogitsOfBatch();
        }
    }

    [Fact]
    public void Pass_AfterDispose_IsALostDevice()
    {
        using TestMachines machines = new(1);
        LayerPipeline pipeline = s_network.Connect(machines.List(2));
        TransformerDenoiser network = s_network.Over(pipeline);
        network.Logits(s_network.Ids(7), [0]);
        pipeline.Dispose();
        Assert.True(Assert.Throws<DeviceException>(() => network.Logits(s_network.Ids(7), [0])).IsLost);
    }

    // Others that use the same machine are served as before.
    [Fact]
    public void Pass_OfAnotherProgram_GoesOn()
    {
        using TestMachines machines = new(1);
        using MachineProxy proxy = new(machines.Port);
        TransformerDenoiser lost = proxy.Network(s_network, 2), other = machines.Network(s_network, 3);
        proxy.CloseAfter(5);
        AssertLost(proxy, lost);
        TestMachines.AssertSame(s_network.Here().Logits(s_network.Ids(9), [8]), other.Logits(s_network.Ids(9), [8]));
        TestMachines.AssertSame(
            s_network.Here().Logits(s_network.Ids(9), [8]), machines.Network(s_network, 1).Logits(s_network.Ids(9), [8]));
    }

    // The one test that waits until silence is taken for death.
    [Fact]
    public void Pass_MachineThatIsSilent_IsTakenForDead()
    {
        ManualResetEventSlim over = new();
        byte[] done = [.. Enumerable.Repeat((byte)MachineAnswer.Done, (2 * RawProgram.WeightNames.Length) + 2)];
        using FakeMachine machine = FakeMachine.Greeted(1 << 30, over, done);
        MachineList list = new([new MachineAddress("127.0.0.1", machine.Port, 1)], MachineKey.None);
        TestNetwork small = RawProgram.SmallNetwork;
        TransformerDenoiser network = small.Over(small.Connect(list));
        Stopwatch watch = Stopwatch.StartNew();
        Assert.True(Assert.Throws<DeviceException>(() => network.Logits([1, 2], [0])).IsLost);
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(40));
        over.Set();
    }

    private static DeviceException AssertLost(MachineProxy proxy, TransformerDenoiser network)
    {
        int[] ids = s_network.Ids(7);
        Stopwatch watch = Stopwatch.StartNew();
        DeviceException first = Assert.Throws<DeviceException>(() => network.Logits(ids, [0]));
        Assert.True(first.IsLost);
        Assert.DoesNotContain('\n', first.Message);
        int sent = proxy.FromProgram.Length;
        for (int i = 0; i < 3; i++)
        {
            DeviceException later = Assert.Throws<DeviceException>(() => network.Logits(ids, [0], network.CreateCache(7), [0]));
            Assert.Equal((first.Message, true), (later.Message, later.IsLost));
        }

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.Equal((1, sent), (proxy.Connections, proxy.FromProgram.Length));
        return first;
    }
}
