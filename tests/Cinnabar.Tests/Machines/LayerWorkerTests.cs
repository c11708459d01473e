using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>Where a machine listens, and how it ends.</summary>
public sealed class LayerWorkerTests
{
    [Fact]
    public void Dispose_EndsAllConnectionsAndListensNoMore()
    {
        TestMachines machines = new(1);
        int port = machines.Port;
        TestNetwork network = TestNetwork.Of("full");
        TransformerDenoiser divided = machines.Network(network, 2);
        int[] ids = network.Ids(4);
        divided.Logits(ids, [1]);
        using RawProgram silent = RawProgram.Silent(port), ready = RawProgram.Ready(port, RawProgram.Small);
        machines.Workers[0].Dispose();
        Assert.Empty(silent.ReadToEnd());
        Assert.Empty(ready.ReadToEnd());
        Stopwatch watch = Stopwatch.StartNew();
        Assert.True(Assert.Throws<DeviceException>(() => divided.Logits(ids, [1])).IsLost);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.ThrowsAny<SocketException>(() => RawProgram.Silent(port));
        machines.Workers[0].Dispose();
        machines.Dispose();
    }

    [Fact]
    public async Task Dispose_InAPass_EndsItAtTheProgram()
    {
        using TestMachines machines = new(1);
        TestNetwork network = TestNetwork.Of("full");
        TransformerDenoiser divided = machines.Network(network, 2);
        int passes = 0;
        Task passing = Task.Run(() =>
        {
            while (true)
            {
                divided.Logits(network.Ids(40), [1]);
                passes++;
            }
        });
        TestMachines.Eventually(() => Volatile.Read(ref passes) > 5, "it computes");
        machines.Workers[0].Dispose();
        Assert.True((await Assert.ThrowsAsync<DeviceException>(() => passing.WaitAsync(TimeSpan.FromSeconds(10)))).IsLost);
    }

    [Theory]
    [InlineData("127.0.0.1", "localhost")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "[::1]")]
    public void Start_OnAnAddress_IsReachedByItsNames(string address, string host)
    {
        if (!Socket.OSSupportsIPv6 && address == "::1")
        {
            return;
        }

        LayerWorkerOptions options = new() { Address = IPAddress.Parse(address), Port = 0 };
        using LayerWorker worker = new(KernelTable.Create(threads: 1), options, _ => { });
        worker.Start();
        MachineList list = MachineList.Parse($"{host}:{worker.EndPoint.Port}=1", MachineKey.None);
        TestNetwork network = RawProgram.SmallNetwork;
        using LayerPipeline pipeline = network.Connect(list);
        Assert.Equal($"layer 1 here, layer 2 on {list.Addresses[0]} ({TestMachines.Kernels})", pipeline.Placement);
    }

    [Fact]
    public void Dispose_BeforeStart_IsNoMatter()
    {
        LayerWorker worker = new(KernelTable.Create(threads: 1), new LayerWorkerOptions { Port = 0 }, _ => { });
        worker.Dispose();
        worker.Dispose();
    }

    [Fact]
    public void Start_PortThatIsTaken_IsOneSentence()
    {
        using TestMachines machines = new(1);
        using LayerWorker second = new(KernelTable.Create(threads: 1), new LayerWorkerOptions { Port = machines.Port }, _ => { });
        CinnabarException e = Assert.Throws<CinnabarException>(second.Start);
        Assert.StartsWith($"Expected to listen on 127.0.0.1, port {machines.Port}, found: ", e.Message);
        Assert.DoesNotContain("..", e.Message);
    }

    [Theory]
    [InlineData(-1, 1, "found -1 and 1.")]
    [InlineData(65536, 1, "found 65536 and 1.")]
    [InlineData(5, 0, "found 5 and 0.")]
    [InlineData(5, -7, "found 5 and -7.")]
    public void Options_OutOfRange_AreRefused(int port, long memory, string said)
    {
        LayerWorkerOptions options = new() { Port = port, Memory = memory };
        CinnabarException e = Assert.Throws<CinnabarException>(() => new LayerWorker(KernelTable.Create(threads: 1), options, _ => { }));
        Assert.Contains(said, e.Message);
    }

    [Theory]
    [InlineData("0.0.0.0", false, false, true)]
    [InlineData("::", false, false, true)]
    [InlineData("10.0.0.1", false, false, true)]
    [InlineData("0.0.0.0", true, false, false)]
    [InlineData("0.0.0.0", false, true, false)]
    [InlineData("127.0.0.2", false, false, false)]
    [InlineData("::1", false, false, false)]
    [InlineData("::ffff:127.0.0.1", false, false, false)]
    public void Options_MachineThatOthersReach_NeedsAKey(string address, bool hasKey, bool allowsAnybody, bool isRefused)
    {
        LayerWorkerOptions options = new()
        {
            Address = IPAddress.Parse(address),
            Key = hasKey ? MachineKey.Read(file: null, "0123456789abcdef") : MachineKey.None,
            AllowsAnybody = allowsAnybody,
        };
        Exception? e = Record.Exception(options.Validate);
        Assert.Equal(isRefused, e is not null);
        Assert.True(e is null || (e is CinnabarException && e.Message.Contains("--insecure-no-auth", StringComparison.Ordinal)));
    }

    [Fact]
    public void Log_SaysWhoComesAndGoesAndNothingOfTerminals()
    {
        using TestMachines machines = new(1);
        using (RawProgram program = RawProgram.Ready(machines.Port, RawProgram.Small with { Model = "a\u001b[2Jb\nc" }))
        {
            program.Pass(new RawPass());
        }

        TestMachines.Eventually(() => machines.Log.Count == 3, "three lines");
        string[] lines = [.. machines.Log];
        Assert.Matches(@"^127\.0\.0\.1:\d+: layer 2 of 2 of 'a\\u001B\[2Jb\\u000Ac'$", lines[0]);
        Assert.EndsWith(": ready, 0 MB of weights", lines[1]);
        Assert.EndsWith(": gone", lines[2]);
    }
}
