using Cinnabar.Diffusion;
using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

public sealed class LayerPlanTests
{
    [Theory]
    [InlineData(10, new[] { 1L, 1L }, new[] { 5, 5 })]
    [InlineData(10, new[] { 3L, 1L }, new[] { 7, 3 })]
    [InlineData(32, new[] { 8L, 16L, 8L }, new[] { 8, 16, 8 })] // 1 + 29/4, 1 + 29/2, 1 + 29/4: one is left, for the largest remainder
    [InlineData(3, new[] { 100L, 1L, 1L }, new[] { 1, 1, 1 })]
    [InlineData(4, new[] { 1L, 1L, 1L }, new[] { 2, 1, 1 })] // the first of equal remainders
    [InlineData(5, new[] { 1L, 1L, 1L }, new[] { 2, 2, 1 })]
    [InlineData(1, new[] { 7L }, new[] { 1 })]
    [InlineData(9, new[] { 0L, 0L }, new[] { 5, 4 })]
    [InlineData(9, new[] { long.MaxValue, long.MaxValue, long.MaxValue }, new[] { 3, 3, 3 })]
    [InlineData(9, new[] { 0L, long.MaxValue }, new[] { 1, 8 })]
    public void Share_NobodyTold_IsInProportionToMemory(int layers, long[] memory, int[] expected) =>
        Assert.Equal(expected, LayerPlan.Share(layers, memory, new int?[memory.Length]));

    [Theory]
    [InlineData(10, new[] { 1L, 1L }, 7, -1, new[] { 3, 7 })]
    [InlineData(10, new[] { 1L, 1L }, 9, -1, new[] { 1, 9 })]
    [InlineData(12, new[] { 3L, 1L, 1L }, 4, -1, new[] { 6, 4, 2 })] // 6 of 8 free beside one each: 4.5 and 1.5, the first has what is left
    [InlineData(12, new[] { 1L, 9L, 1L }, -1, 2, new[] { 2, 8, 2 })]
    [InlineData(12, new[] { 1L, 1L, 1L }, 5, 6, new[] { 1, 5, 6 })]
    public void Share_Told_IsFollowed(int layers, long[] memory, int first, int second, int[] expected)
    {
        int?[] told = [null, first < 0 ? null : first, second < 0 ? null : second];
        Assert.Equal(expected, LayerPlan.Share(layers, memory, told.AsSpan(0, memory.Length)));
    }

    [Theory]
    [InlineData(1, 1, -1, "each of 2 machines, this one among them, found 1 layers, of which 1 go to machines that were told")]
    [InlineData(1, -1, -1, "each of 2 machines, this one among them, found 1 layers. ")]
    [InlineData(4, 4, -1, "found 4 layers, of which 4 go")]
    [InlineData(4, 9, -1, "found 4 layers, of which 9 go")]
    [InlineData(4, 3, 1, "each of 3 machines, this one among them, found 4 layers, of which 4 go")]
    [InlineData(4, 1024, 1024, "found 4 layers, of which 2048 go")]
    public void Share_TooFewLayers_IsRefused(int layers, int first, int second, string said)
    {
        int?[] told = second < 0 ? [null, first < 0 ? null : first] : [null, first, second];
        CinnabarException e = Assert.Throws<CinnabarException>(() => LayerPlan.Share(layers, new long[told.Length], told));
        Assert.Contains(said, e.Message);
    }

    [Fact]
    public void Share_AnyInput_GivesAllLayersAndEachItsShare()
    {
        DeterministicRandom random = new(17);
        for (int i = 0; i < 20_000; i++)
        {
            int machines = 1 + random.NextInt(9);
            long[] memory = new long[machines];
            int?[] told = new int?[machines];
            for (int m = 0; m < machines; m++)
            {
                memory[m] = random.NextInt(5) switch
                {
                    0 => 1L << random.NextInt(63),
                    1 => random.NextInt(4),
                    2 => (1L << 33) + random.NextInt(2),
                    _ => random.NextInt(1 << 30),
                };
                told[m] = m > 0 && random.NextInt(3) == 0 ? 1 + random.NextInt(20) : null;
            }

            int open = told.Count(number => number is null);
            int free = open + random.NextInt(100);
            int[] shares = LayerPlan.Share(free + told.Sum(number => number ?? 0), memory, told);
            Assert.Equal(free + told.Sum(number => number ?? 0), shares.Sum());
            double offered = memory.Where((_, m) => told[m] is null).Sum(bytes => (double)Math.Max(1, bytes));
            for (int m = 0; m < machines; m++)
            {
                double exact = 1 + ((free - open) * (double)Math.Max(1, memory[m]) / offered);
                Assert.InRange(shares[m], told[m] ?? Math.Max(1, exact - 1.0001), told[m] ?? exact + 1.0001);
            }
        }
    }

    [Fact]
    public void Share_MoreMemory_IsNeverFewerLayers()
    {
        DeterministicRandom random = new(18);
        for (int i = 0; i < 5_000; i++)
        {
            long[] memory = [.. Enumerable.Range(0, 5).Select(_ => (long)random.NextInt(1000))];
            int[] shares = LayerPlan.Share(5 + random.NextInt(60), memory, new int?[5]);
            int[] order = [.. Enumerable.Range(0, 5).OrderBy(m => Math.Max(1, memory[m])).ThenByDescending(m => m)];
            Assert.Equal(order.Select(m => shares[m]).Order(), order.Select(m => shares[m]));
        }
    }
}
