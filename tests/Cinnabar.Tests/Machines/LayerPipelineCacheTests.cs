using System.Runtime.CompilerServices;
using Cinnabar.Diffusion;
using Cinnabar.Machines;
using Cinnabar.Models;

namespace Cinnabar.Tests.Machines;

/// <summary>Keys and values of a canvas lie with their layers.</summary>
public sealed class LayerPipelineCacheTests
{
    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("block-causal", 2)]
    [InlineData("causal", 1)]
    [InlineData("shifted", 2)]
    [InlineData("learned", 1)]
    [InlineData("experts", 1)]
    public void Logits_WithTwoCachesInTurn_AreTheSameBits(string kind, int machines)
    {
        TestNetwork network = TestNetwork.Of(kind);
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here(), divided = elsewhere.Divided(network);
        KeyValueCache[] cachesHere = [here.CreateCache(17), here.CreateCache(9)];
        KeyValueCache[] caches = [divided.CreateCache(17), divided.CreateCache(9)];
        DeterministicRandom random = new(8);
        for (int pass = 0; pass < 30; pass++)
        {
            int chosen = random.NextInt(2);
            int length = caches[chosen].Length;
            int[] ids = network.Ids(length, seed: pass);
            int[] rows = Some(random, length), positions = pass < 2 ? [.. Enumerable.Range(0, length)] : Some(random, length);
            TestMachines.AssertSame(
                here.Logits(ids, rows, cachesHere[chosen], positions), divided.Logits(ids, rows, caches[chosen], positions));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TryReset_ToOtherLengths_IsFollowedByTheSameBits(int machines)
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here(), divided = elsewhere.Divided(network);
        KeyValueCache cacheHere = here.CreateCache(12), cache = divided.CreateCache(12);
        DeterministicRandom random = new(8);
        foreach (int length in (int[])[12, 5, 11, 1, 12, 12, 3])
        {
            Assert.True(cacheHere.TryReset(length) && cache.TryReset(length));
            for (int pass = 0; pass < 3; pass++)
            {
                int[] ids = network.Ids(length, seed: pass + length);
                int[] rows = Some(random, length), positions = Some(random, length);
                TestMachines.AssertSame(here.Logits(ids, rows, cacheHere, positions), divided.Logits(ids, rows, cache, positions));
            }
        }

        Assert.False(cache.TryReset(13));
        int[] last = network.Ids(3);
        TestMachines.AssertSame(here.Logits(last, [2], cacheHere, []), divided.Logits(last, [2], cache, []));
    }

    // Rows that only the program has in its own cache would show here: the machine's would still be of the positions before.
    [Fact]
    public void Logits_AfterAChangedPosition_SeeItInLaterPasses()
    {
        TestNetwork network = TestNetwork.Of("full", "exact");
        using TestMachines elsewhere = new(1);
        TransformerDenoiser divided = elsewhere.Network(network, 3);
        KeyValueCache cache = divided.CreateCache(8);
        int[] ids = network.Ids(8);
        float[] before = divided.Logits(ids, [7], cache, [.. Enumerable.Range(0, 8)]).Floats.ToArray();
        TestMachines.AssertSame(before, divided.Logits(ids, [7], cache, []).Floats);
        ids[0] = (ids[0] + 7) % network.Config.VocabularySize;
        TestMachines.AssertSame(before, divided.Logits(ids, [7], cache, []).Floats);
        divided.Logits(ids, [0], cache, []);
        Assert.NotEqual(before, divided.Logits(ids, [7], cache, []).Floats.ToArray());
    }

    [Fact]
    public void Caches_ThatNobodyHas_AreForgottenWithTheNextPass()
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines elsewhere = new(1);
        using MachineProxy proxy = new(elsewhere.Port);
        TransformerDenoiser divided = proxy.Network(network, 2);
        KeyValueCache kept = divided.CreateCache(6);
        int[] ids = network.Ids(6);
        divided.Logits(ids, [1], kept, [0]);
        long[] numbers = UseCaches(divided, ids, 3);
        divided.Logits(ids, [1], kept, [0]); // the last pass still has its cache
        int before = proxy.FromProgram.Length;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        divided.Logits(ids, [1], kept, [0]);
        byte[] pass = proxy.FromProgram[before..];
        Assert.Equal((byte)MachineCommand.Pass, pass[0]);
        Assert.Equal(3, BitConverter.ToInt64(pass, 2));
        Assert.Equal(numbers, Enumerable.Range(0, 3).Select(i => BitConverter.ToInt64(pass, 10 + (8 * i))));

        // Told once.
        before = proxy.FromProgram.Length;
        divided.Logits(ids, [1], kept, [0]);
        Assert.Equal(0, BitConverter.ToInt64(proxy.FromProgram[before..], 2));
    }

    // Without a garbage collection, at the next pass, and once.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Caches_ThatWereDisposed_AreForgottenWithTheNextPass(bool isReadCausally)
    {
        TestNetwork network = TestNetwork.Of("shifted");
        using TestMachines elsewhere = new(1);
        using MachineProxy proxy = new(elsewhere.Port);
        TransformerDenoiser divided = proxy.Network(network, 2);
        ICachingDenoiser reading = isReadCausally ? divided.ReadCausally() : divided;
        long before = elsewhere.Offered();
        int[] ids = network.Ids(6);
        KeyValueCache[] caches = [.. Enumerable.Range(0, 4).Select(_ => reading.CreateCache(6))];
        Array.ForEach(caches, cache => reading.Logits(ids, [1], cache, [0]));
        long cacheBytes = 2 * network.CacheBytes(6);
        Assert.Equal(before - (4 * cacheBytes), elsewhere.Offered());
        caches[2].Dispose();
        caches[0].Dispose();
        caches[0].Dispose();
        int sent = proxy.FromProgram.Length;
        divided.Logits(ids, [1]);
        byte[] pass = proxy.FromProgram[sent..];
        Assert.Equal(
            [2, caches[2].Number, caches[0].Number], Enumerable.Range(0, 3).Select(i => BitConverter.ToInt64(pass, 2 + (8 * i))));
        Assert.Equal(before - (2 * cacheBytes), elsewhere.Offered());
        sent = proxy.FromProgram.Length;
        reading.Logits(ids, [1], caches[1], [0]);
        Assert.Equal(0, BitConverter.ToInt64(proxy.FromProgram[sent..], 2));
        GC.KeepAlive(caches);
    }

    [Fact]
    public void Dispose_OfACacheThatNoMachineKnows_IsNoMatter()
    {
        TestNetwork network = TestNetwork.Of("full");
        network.Here().CreateCache(6).Dispose();
        using TestMachines elsewhere = new(1);
        TransformerDenoiser divided = elsewhere.Network(network, 2);
        divided.CreateCache(6).Dispose();
        TestMachines.AssertSame(network.Here().Logits(network.Ids(6), [2]), divided.Logits(network.Ids(6), [2]));
        elsewhere.Workers[0].Dispose();
        divided.CreateCache(6).Dispose();
    }

    // As with all layers here: a pass lets go of the caches of the pass before, those of groups that it does not need too.
    [Fact]
    public void Caches_OfALargerBatchBefore_AreNotKept()
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines elsewhere = new(1);
        foreach (TransformerDenoiser denoiser in (TransformerDenoiser[])[network.Here(), elsewhere.Divided(network)])
        {
            WeakReference<KeyValueCache>[] caches = UseInABatch(denoiser, network.Ids(6), 9);
            UseInABatch(denoiser, network.Ids(6), 2);
            UseInABatch(denoiser, network.Ids(6), 2);
            GC.Collect();
            Assert.Equal(0, caches.Count(cache => cache.TryGetTarget(out _)));
            GC.KeepAlive(denoiser);
        }
    }

    // A number that the machine forgot and that is used again begins with nothing.
    [Fact]
    public void Forget_AtTheMachine_EmptiesTheCache()
    {
        using TestMachines elsewhere = new(1);
        using RawProgram program = RawProgram.Ready(elsewhere.Port, RawProgram.Small);
        RawSequence all = new() { Cache = 5, Positions = [0, 1, 2] }, last = all with { Positions = [2] };
        byte[] fresh = program.Pass(RawPass.Of(last with { Cache = 9 }));
        program.Pass(RawPass.Of(all));
        byte[] seeing = program.Pass(RawPass.Of(last));
        Assert.NotEqual(fresh, seeing);
        Assert.Equal(seeing, program.Pass(RawPass.Of(last) with { Forgotten = [1, 2, 9] }));
        Assert.Equal(fresh, program.Pass(RawPass.Of(last) with { Forgotten = [5] }));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long[] UseCaches(TransformerDenoiser network, int[] ids, int count)
    {
        KeyValueCache[] caches = [.. Enumerable.Range(0, count).Select(_ => network.CreateCache(ids.Length))];
        foreach (KeyValueCache cache in caches)
        {
            network.Logits(ids, [1], cache, [0]);
        }

        return [.. caches.Select(cache => cache.Number)];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference<KeyValueCache>[] UseInABatch(TransformerDenoiser network, int[] ids, int count)
    {
        KeyValueCache[] caches = [.. Enumerable.Range(0, count).Select(_ => network.CreateCache(ids.Length))];
        network.BeginBatch();
        foreach (KeyValueCache cache in caches)
        {
            network.AddToBatch(ids, [1], cache, [0]);
        }

        network.LogitsOfBatch();
        return [.. caches.Select(cache => new WeakReference<KeyValueCache>(cache))];
    }

    private static int[] Some(DeterministicRandom random, int length)
    {
        int always = random.NextInt(length);
        return [.. Enumerable.Range(0, length).Where(i => i == always || random.NextInt(3) == 0)];
    }
}
