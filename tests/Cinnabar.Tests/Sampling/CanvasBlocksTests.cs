using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class CanvasBlocksTests
{
    [Theory]
    [InlineData(null, null, new[] { 0, 7 })]
    [InlineData(3, null, new[] { 0, 3, 6, 7 })]
    [InlineData(null, 4, new[] { 0, 3, 5, 7 })] // positions 5 6 7 | 9 11 | 12 13: blocks of 4 from the first position
    [InlineData(9, 4, new[] { 0, 3, 5, 7 })]
    [InlineData(2, 4, new[] { 0, 1, 3, 4, 5, 7 })] // 5 | 6 7 | 9 | 11 | 12 13
    public void Find_BeginsBlocksWhereTheNetworkDoes(int? wanted, int? ofNetwork, int[] expected)
    {
        List<int> starts = [];
        CanvasBlocks.Find([5, 6, 7, 9, 11, 12, 13], new SamplerOptions { BlockSize = wanted }, new Network(ofNetwork), starts);
        Assert.Equal(expected, starts);
    }

    [Fact]
    public void Find_CollageOfSegments_PutsTheirBlocksOfTheSameNumberTogether()
    {
        // Segments of 9 with an overlap of 2 begin at 0, 7, 13 and 19; blocks of 4 of each from there.
        CollageDenoiser collage = new(new Network(null), 9, 2);
        List<int> masks = [.. Enumerable.Range(2, 20)];
        List<int> starts = [];
        CanvasBlocks.Find(masks, new SamplerOptions { BlockSize = 4, Steps = 2 }, collage, starts);
        Assert.Equal([2, 3, 7, 8, 9, 10, 13, 14, 15, 16, 19, 20, 21, 4, 5, 6, 11, 12, 17, 18], masks);
        Assert.Equal([0, 13, 20], starts);
    }

    [Fact]
    public void Find_CollageWhoseTextFitsASegment_IsAsWithoutACollage()
    {
        List<int> masks = [2, 3, 4, 5, 6, 7, 8];
        List<int> starts = [];
        CanvasBlocks.Find(masks, new SamplerOptions { BlockSize = 4 }, new CollageDenoiser(new Network(null), 9, 2), starts);
        Assert.Equal([2, 3, 4, 5, 6, 7, 8], masks);
        Assert.Equal([0, 4, 7], starts);
    }

    [Fact]
    public void Find_BlockThatDoesNotDivide_IsRefusedWithBothNumbers()
    {
        string message = Assert.Throws<CinnabarException>(
            () => CanvasBlocks.Find([5], new SamplerOptions { BlockSize = 3 }, new Network(4), [])).Message;
        Assert.Contains("BlockSize to divide the blocks of 4 tokens", message);
        Assert.Contains("found 3", message);
    }

    [Fact]
    public void Find_FewerStepsThanBlocks_NamesTheSizeOfABlock()
    {
        // Of the first block only three positions are noisy, of the second one.
        string message = Assert.Throws<CinnabarException>(
            () => CanvasBlocks.Find([5, 6, 7, 9], new SamplerOptions { Steps = 1 }, new Network(4), [])).Message;
        Assert.Contains("at least 2, one for each block of 4 positions, found 1", message);
    }

    private sealed class Network(int? blockSize) : IDenoiser
    {
        public int VocabularySize => 1;

        public int MaxLength => 16;

        public int MaskTokenId => 0;

        public int? BlockSize => blockSize;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => throw new NotSupportedException();
    }
}
