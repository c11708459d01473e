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
    public void Find_BlockThatDoesNotDivide_IsRefusedWithBothNumbers()
    {
        string message = Assert.Throws<CinnabarException>(
            () => CanvasBlocks.Find([5], new SamplerOptions { BlockSize = 3 }, new Network(4), [])).Message;
        Assert.Contains("BlockSize to divide the blocks of 4 tokens", message);
        Assert.Contains("found 3", message);
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
