using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

/// <summary>Canvases that come, leave and fail while others are denoised.</summary>
public sealed partial class SamplerBatchTests
{
    [Fact]
    public void Step_NetworkThatThrowsOnce_FailsThatPassAndNoLaterOne()
    {
        CountingDenoiser network = new(Network(s_config, DType.F32, KernelTable.Create(threads: 1))) { FailsAt = 2 };
        Sampler sampler = new(network);
        SamplerBatch batch = sampler.StartBatch();
        Canvas[] canvases = [.. Enumerable.Range(0, 3).Select(CanvasOf)];
        Array.ForEach(canvases, canvas => batch.Add(canvas, OptionsOf(0)));
        List<Canvas> finished = [];
        List<FailedCanvas> failed = [];
        batch.Step(null, finished, failed);
        Assert.Empty(failed);
        batch.Step(null, finished, failed);
        Assert.Equal(canvases.ToHashSet(), failed.Select(failure => failure.Canvas).ToHashSet());
        Assert.Equal(0, batch.Count);
        failed.Clear();

        Canvas next = CanvasOf(0);
        batch.Add(next, OptionsOf(0));
        int[][] left = [.. canvases.Select(canvas => canvas.Ids.ToArray())];
        while (batch.Count > 0)
        {
            batch.Step(null, finished, failed);
        }

        Assert.Empty(failed);
        Assert.Equal([next], finished);
        Canvas alone = CanvasOf(0);
        sampler.Run(alone, OptionsOf(0));
        Assert.Equal(alone.Ids.ToArray(), next.Ids.ToArray());
        Assert.Equal(left, canvases.Select(canvas => canvas.Ids.ToArray()));
        Assert.All(network.Batches.Skip(2), sequences => Assert.Equal(1, sequences));
    }

    [Fact]
    public void Run_NetworkThatThrewBefore_WorksWithTheSameSampler()
    {
        CountingDenoiser network = new(Network(s_config, DType.F32, KernelTable.Create(threads: 1))) { FailsAt = 2 };
        Sampler sampler = new(network);
        Assert.Throws<NotSupportedException>(() => sampler.Run([CanvasOf(0), CanvasOf(1)], [OptionsOf(0), OptionsOf(0)]));
        Canvas together = CanvasOf(2);
        sampler.Run([together], [OptionsOf(0)]);
        Assert.All(network.Batches.Skip(2), sequences => Assert.Equal(1, sequences));
        Canvas alone = CanvasOf(2);
        new Sampler(network).Run(alone, OptionsOf(0));
        Assert.Equal(alone.Ids.ToArray(), together.Ids.ToArray());
    }

    [Fact]
    public void Step_RandomArrivalsAndDepartures_EachBecomesWhatItBecomesAlone()
    {
        KernelTable kernels = KernelTable.Create(threads: 2);
        Sampler sampler = new(Network(s_config, DType.BF16, kernels), kernels.Workers);
        Canvas[] alone = [.. Enumerable.Range(0, Most).Select(CanvasOf)];
        int[] steps = [.. alone.Select((canvas, i) => sampler.Steps(canvas, OptionsOf(i)).Count())];
        DeterministicRandom random = new(17);
        SamplerBatch batch = sampler.StartBatch();
        Dictionary<Canvas, int> kinds = [];
        List<Canvas> finished = [];
        int compared = 0;
        for (int round = 0; round < 150; round++)
        {
            for (int arrivals = random.NextInt(3); arrivals > 0; arrivals--)
            {
                int kind = random.NextInt(Most);
                Canvas canvas = CanvasOf(kind);
                kinds.Add(canvas, kind);
                Assert.True(batch.Add(canvas, OptionsOf(kind)));
            }

            if (batch.Count > 0 && random.NextInt(4) == 0)
            {
                Canvas leaver = kinds.Keys.ElementAt(random.NextInt(kinds.Count));
                kinds.Remove(leaver);
                batch.Remove(leaver);
                batch.Remove(leaver);
            }

            Assert.Equal(kinds.Count, batch.Count);
            Dictionary<Canvas, int> last = [];
            batch.Step(step => last.Add(step.Canvas, step.Step), finished);
            foreach (Canvas canvas in finished)
            {
                Assert.Equal(steps[kinds[canvas]], last[canvas]);
                Assert.Equal(alone[kinds[canvas]].Ids.ToArray(), canvas.Ids.ToArray());
                kinds.Remove(canvas);
                compared++;
            }

            finished.Clear();
        }

        Assert.True(compared > 40, $"{compared}");
        kernels.Workers.Dispose();
    }
}
