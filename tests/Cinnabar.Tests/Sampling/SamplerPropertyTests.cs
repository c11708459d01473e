using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

/// <summary>What must hold for every canvas, every option and every network; 200 seeded random ones.</summary>
public sealed class SamplerPropertyTests
{
    private const int V = 14;
    private const int Mask = 13;
    private const int Eos = 12;
    private const int Pad = 11;
    private const int Begin = 10;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad) { NeverEmitted = [Begin] };

    [Fact]
    public void Run_RandomCanvases_KeepsTheInvariants()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            var random = new DeterministicRandom(seed);
            Canvas canvas = RandomCanvas(random.Fork(1));
            SamplerOptions options = RandomOptions(random.Fork(2), canvas.NoisyCount) with { Seed = seed };
            try
            {
                CheckRun(canvas, options, seed);
            }
            catch (Exception failure) when (failure is not CinnabarException)
            {
                throw new InvalidOperationException($"Seed {seed}, {options}: {failure.Message}", failure);
            }

            Canvas again = RandomCanvas(new DeterministicRandom(seed).Fork(1));
            new Sampler(Network(seed)).Run(again, options);
            Assert.Equal(canvas.Ids.ToArray(), again.Ids.ToArray());
        }
    }

    private static void CheckRun(Canvas canvas, SamplerOptions options, ulong seed)
    {
        int[] before = canvas.Ids.ToArray();
        var noisy = new HashSet<int>(canvas.NoisyPositions());
        int masks = noisy.Count;
        int committed = 0;
        int step = 0;
        TableDenoiser denoiser = Network(seed);
        int passes = new Sampler(denoiser).Run(canvas, options, observer: report =>
        {
            Assert.Equal(++step, report.Step);
            Assert.Equal(report.Commits.Select(commit => commit.Position).Order(), report.Commits.Select(commit => commit.Position));
            Assert.All(report.Edits, edit => Assert.DoesNotContain(edit.Position, noisy));
            Assert.All(report.Renoised, position => Assert.DoesNotContain(position, noisy));
            foreach (Commit commit in report.Commits.Concat(report.Edits))
            {
                Assert.True(noisy.Remove(commit.Position) != report.Edits.Contains(commit), $"Position {commit.Position} was not noisy.");
                Assert.Equal(commit.TokenId, canvas.Ids[commit.Position]);
                Assert.Equal(report.Step, canvas.CommittedAt(commit.Position));
                Assert.InRange(commit.Confidence, 0f, 1f);
                HoleKind kind = canvas.Holes[canvas.HoleOf(commit.Position)].Kind;
                Assert.DoesNotContain(commit.TokenId, s_tokens.Forbidden(kind, options.AllowPadding));
            }

            noisy.UnionWith(report.Renoised);
            committed += report.Commits.Count - report.Renoised.Count;
            Assert.Equal(noisy.Count, report.Remaining);
            Assert.Equal(canvas.NoisyPositions(), noisy.Order());
        });

        Assert.Equal(masks, committed);
        Assert.Equal(denoiser.AskedRows.Count, passes);
        Assert.True(masks > 0 || passes == 0);
        if (options.Steps is int steps && options.EditThreshold is null)
        {
            Assert.True(step <= steps);
        }

        if (options.MaxPasses is int most)
        {
            Assert.True(passes <= most);
        }

        Assert.DoesNotContain(Mask, canvas.Ids.ToArray());
        Assert.All(Enumerable.Range(0, before.Length).Where(i => before[i] != Mask), i => Assert.Equal(before[i], canvas.Ids[i]));
        Assert.All(Enumerable.Range(0, canvas.Holes.Count), hole => Assert.DoesNotContain(
            canvas.TextOf(hole), id => s_tokens.Ends(canvas.Holes[hole].Kind, id)));
    }

    private static Canvas RandomCanvas(DeterministicRandom random)
    {
        var segments = new List<CanvasSegment>();
        int count = random.NextInt(5);
        for (int i = 0; i < count; i++)
        {
            // Lengths of 0 included, for text and for holes.
            int length = random.NextInt(7);
            segments.Add(random.NextInt(2) == 0
                ? CanvasSegment.Hole(length)
                : CanvasSegment.Text([.. Enumerable.Range(0, length).Select(_ => random.NextInt(Mask))]));
        }

        if (random.NextInt(2) == 0)
        {
            segments.Add(CanvasSegment.Continuation(random.NextInt(12)));
        }

        return new Canvas(segments, s_tokens);
    }

    private static SamplerOptions RandomOptions(DeterministicRandom random, int noisy)
    {
        int? blockSize = random.NextInt(2) == 0 ? null : 1 + random.NextInt(6);
        int blocks = blockSize is int size ? (noisy + size - 1) / size : 1;
        Remasking remasking = Enum.GetValues<Remasking>()[random.NextInt(5)];
        bool threshold = remasking is Remasking.LowConfidence or Remasking.Margin && random.NextInt(3) == 0;
        bool beside = threshold && remasking == Remasking.LowConfidence;
        int extra = random.NextInt(4);
        return new SamplerOptions
        {
            Stability = beside && extra == 0 ? 0.2 : null,
            LowThreshold = beside && extra == 1 ? 0.2 : null,
            EntropyBound = remasking == Remasking.Entropy && random.NextInt(2) == 0 ? random.NextDouble() : null,
            Remdm = remasking == Remasking.Origin && random.NextInt(2) == 0 ? Enum.GetValues<RemdmKind>()[extra] : null,
            RemdmEta = 0.3,
            Credit = random.NextInt(4) == 0,
            EarlyExit = random.NextInt(4) == 0 ? 0.3 : null,
            RemaskBelow = random.NextInt(3) == 0 ? 0.2 : null,
            EditThreshold = random.NextInt(3) == 0 ? 0.3 : null,
            MaxPasses = random.NextInt(3) == 0 ? 2 + random.NextInt(6) : null,
            BlockSize = blockSize,
            Steps = random.NextInt(3) == 0 ? null : Math.Max(1, blocks) + random.NextInt(10),
            Remasking = remasking,
            Transfer = Enum.GetValues<Transfer>()[random.NextInt(2)],
            Threshold = threshold ? 0.3 : null,
            Factor = remasking == Remasking.LowConfidence && !threshold && random.NextInt(2) == 0 ? 1 + random.NextDouble() : null,
            Temperature = random.NextInt(2) == 0 ? 0 : random.NextDouble() * 2,
            TopP = random.NextInt(2) == 0 ? null : random.NextDouble(),
            TopK = random.NextInt(2) == 0 ? null : 1 + random.NextInt(V + 3),
            CfgScale = random.NextInt(3) == 0 ? random.NextDouble() * 3 : 0,
            AllowPadding = random.NextInt(4) == 0,
        };
    }

    // Logits that depend on the whole canvas, coarse enough that ties are frequent.
    private static TableDenoiser Network(ulong seed) => new(V, Mask, (ids, position, token) =>
    {
        int canvas = 0;
        foreach (int id in ids)
        {
            canvas = unchecked((canvas * 31) + id);
        }

        return Math.Floor(new CounterRandom(seed, canvas, position).Unit((ulong)token) * 6);
    });
}
