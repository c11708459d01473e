using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>A pass that a machine could not compute: the program is told, and the next pass is computed.</summary>
public sealed class LayerMachineFailureTests
{
    private static readonly TestNetwork s_network = TestNetwork.Of("full");

    private static long Weights => s_network.HeldBytes(2) + s_network.HeldBytes(3);

    private static long CacheOf9 => 2 * s_network.CacheBytes(9);

    [Fact]
    public void Pass_WithoutMemoryForItsCache_FailsAndTheNextIsTheSameBits()
    {
        using TestMachines machines = new(1, memory: Weights + CacheOf9);
        TransformerDenoiser here = s_network.Here(), divided = machines.Network(s_network, 2);
        KeyValueCache cacheHere = here.CreateCache(9), first = divided.CreateCache(9), second = divided.CreateCache(9);
        int[] ids = s_network.Ids(9), all = [.. Enumerable.Range(0, 9)];
        TestMachines.AssertSame(here.Logits(ids, [3], cacheHere, all), divided.Logits(ids, [3], first, all));
        for (int i = 0; i < 3; i++)
        {
            DeviceException e = Assert.Throws<DeviceException>(() => divided.Logits(ids, [3], second, all));
            Assert.False(e.IsLost);
            Assert.Equal(
                $"127.0.0.1:{machines.Port}: Expected {CacheOf9:N0} bytes for keys and values, found 0 of those that the machine offers. "
                + "Give it fewer layers (--machines host:port=layers), or let it offer more (--memory). "
                + "See what 'cinnabar worker' says there.",
                e.InWords);
            TestMachines.AssertSame(here.Logits(ids, [3, 5]), divided.Logits(ids, [3, 5]));
            TestMachines.AssertSame(here.Logits(ids, [3], cacheHere, [1]), divided.Logits(ids, [3], first, [1]));
        }

        // What was to be forgotten is, and makes the room.
        first.Dispose();
        TestMachines.AssertSame(here.Logits(ids, [3], here.CreateCache(9), all), divided.Logits(ids, [3], second, all));
        Assert.Equal(0, machines.Offered());
    }

    // Two machines: the one has the room that the other lacks.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Batch_OneOfTwoMachinesFails_AndTheNextIsTheSameBits(int failing)
    {
        using TestMachines scarce = new(1, memory: s_network.HeldBytes(2 + failing) + (s_network.CacheBytes(9) / 2)), ample = new(1);
        MachineAddress[] addresses = [.. scarce.List(1).Addresses, .. ample.List(1).Addresses];
        MachineList list = new(failing == 0 ? addresses : [addresses[1], addresses[0]], MachineKey.None);
        using LayerPipeline pipeline = s_network.Connect(list);
        TransformerDenoiser here = s_network.Here(), divided = s_network.Over(pipeline);
        for (int i = 0; i < 3; i++)
        {
            DeviceException e = Assert.Throws<DeviceException>(() => Batch(divided, cached: 4));
            Assert.False(e.IsLost);
            Assert.StartsWith($"127.0.0.1:{scarce.Port}: Expected ", e.Message);
            TestMachines.AssertSame(Batch(here, cached: -1), Batch(divided, cached: -1));
        }

        static Tensor Batch(TransformerDenoiser network, int cached)
        {
            network.BeginBatch();
            for (int i = 0; i < 9; i++)
            {
                int[] ids = s_network.Ids(9, seed: i);
                if (i == cached)
                {
                    network.AddToBatch(ids, [1], network.CreateCache(9), [2, 4]);
                }
                else
                {
                    network.AddToBatch(ids, [1, 2]);
                }
            }

            return network.LogitsOfBatch();
        }
    }

    // Caches that were to be forgotten with the pass that failed are forgotten.
    [Fact]
    public void Pass_ThatFails_StillForgets()
    {
        using TestMachines machines = new(1, memory: Weights + CacheOf9);
        TransformerDenoiser divided = machines.Network(s_network, 2);
        KeyValueCache small = divided.CreateCache(4), tooLarge = divided.CreateCache(10);
        divided.Logits(s_network.Ids(4), [3], small, [1]);
        small.Dispose();
        Assert.False(Assert.Throws<DeviceException>(() => divided.Logits(s_network.Ids(10), [3], tooLarge, [1])).IsLost);
        Assert.Equal(CacheOf9, machines.Offered());
        divided.Logits(s_network.Ids(9), [3], divided.CreateCache(9), [1]);
    }

    [Fact]
    public void Pass_Refusal_IsShownWithoutControlCharacters()
    {
        using TestMachines machines = new(1);
        using MachineProxy proxy = new(machines.Port);
        TransformerDenoiser network = proxy.Network(s_network, 2);
        proxy.Replace([(byte)MachineAnswer.Working, (byte)MachineAnswer.Failed, .. RawProgram.Text("no\nmemory \u001b[2J")]);
        DeviceException e = Assert.Throws<DeviceException>(() => network.Logits(s_network.Ids(7), [0]));
        Assert.Equal(($"127.0.0.1:{proxy.Port}: no memory  [2J", false), (e.Message, e.IsLost));

        // It was its last word.
        Assert.True(Assert.Throws<DeviceException>(() => network.Logits(s_network.Ids(7), [0])).IsLost);
    }
}
