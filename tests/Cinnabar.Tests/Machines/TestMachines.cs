using System.Collections.Concurrent;
using System.Diagnostics;
using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>Machines of this process, on free ports of the loopback address, and networks over them.</summary>
internal sealed class TestMachines : IDisposable
{
    public const long Memory = 1 << 30;

    private readonly List<LayerPipeline> _pipelines = [];

    /// <summary>Starts machines.</summary>
    /// <param name="count">How many.</param>
    /// <param name="memory">Bytes that each offers.</param>
    /// <param name="key">Their key; null: none.</param>
    public TestMachines(int count, long memory = Memory, MachineKey? key = null)
    {
        Key = key ?? MachineKey.None;
        for (int i = 0; i < count; i++)
        {
            LayerWorkerOptions options = new() { Port = 0, Key = Key, Memory = memory };
            Workers.Add(new LayerWorker(KernelTable.Create(threads: 1), options, Log.Enqueue));
            Workers[i].Start();
        }
    }

    /// <summary>What the machines say that they compute with.</summary>
    public static string Kernels { get; } = $"{KernelTable.Create(threads: 1).Form} kernels".ToLowerInvariant();

    public MachineKey Key { get; }

    public List<LayerWorker> Workers { get; } = [];

    /// <summary>What the machines said.</summary>
    public ConcurrentQueue<string> Log { get; } = [];

    public int Port => Workers[0].EndPoint.Port;

    /// <summary>The machines, each told how many layers to take, or not.</summary>
    public MachineList List(params int?[] layers) =>
        new([.. Workers.Select((worker, i) => new MachineAddress("127.0.0.1", worker.EndPoint.Port, layers.ElementAtOrDefault(i)))], Key);

    /// <summary>Bytes that the first machine offers to one more program.</summary>
    public long Offered()
    {
        using RawProgram program = RawProgram.Greeted(Port, Key);
        return program.Memory;
    }

    /// <summary>A network with its last layers on the machines.</summary>
    public TransformerDenoiser Network(TestNetwork network, params int?[] layers)
    {
        LayerPipeline pipeline = network.Connect(List(layers));
        _pipelines.Add(pipeline);
        return network.Over(pipeline);
    }

    /// <summary>The same with half of the layers elsewhere: on one machine all of these, on two the first has one of them.</summary>
    public TransformerDenoiser Divided(TestNetwork network)
    {
        int elsewhere = network.Config.NumHiddenLayers / 2;
        return Workers.Count == 1 ? Network(network, elsewhere) : Network(network, 1, elsewhere);
    }

    /// <summary>Fails unless both are the same bits.</summary>
    public static void AssertSame(Tensor expected, Tensor found) => AssertSame(expected.Floats, found.Floats);

    /// <inheritdoc cref="AssertSame(Tensor, Tensor)"/>
    public static void AssertSame(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        Assert.Equal(expected.Length, found.Length);
        int differing = NumberBytes.Of(expected).CommonPrefixLength(NumberBytes.Of(found)) / sizeof(float);
        Assert.True(differing == expected.Length, $"Number {differing} of {expected.Length} differs.");
    }

    /// <summary>Waits until something is so; fails after half a minute.</summary>
    public static void Eventually(Func<bool> isSo, string what)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!isSo())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"Not within 30 s: {what}.");
            Thread.Sleep(10);
        }
    }

    public void Dispose()
    {
        _pipelines.ForEach(pipeline => pipeline.Dispose());
        Workers.ForEach(worker => worker.Dispose());
    }
}
