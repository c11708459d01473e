// Which noisy positions are denoised together, block after block from the left.
//
//   full, causal attention     runs of BlockSize noisy positions of the initial canvas, counted from the first; with several holes a block
//                              may span two of them                                        (LLaDA: blocks begin at the end of the prompt)
//   block-causal attention     the blocks of the network, counted from the first position of the canvas, so the first one may share its
//                              block with the end of the prompt; a BlockSize that divides them makes sub-blocks (LLaDA2, SDAR …)
//   a collage of segments      the blocks of each segment, counted from its first position, are denoised together with the blocks of the
//                              same number of all other segments: as many blocks as one segment has, however long the text is
using Cinnabar.Diffusion;
using Cinnabar.Models;

namespace Cinnabar.Sampling;

/// <summary>The blocks of a canvas.</summary>
internal static class CanvasBlocks
{
    /// <summary>Finds the positions of holes that no pin has fixed.</summary>
    /// <param name="canvas">The canvas.</param>
    /// <param name="masks">Receives them, ascending.</param>
    public static void FindMasks(Canvas canvas, List<int> masks)
    {
        masks.Clear();
        for (int position = 0; position < canvas.Length; position++)
        {
            if (canvas.StateOf(position) != PositionState.Frozen)
            {
                masks.Add(position);
            }
        }
    }

    /// <summary>Finds where blocks begin.</summary>
    /// <param name="masks">The noisy positions, ascending; put into the order of blocks, in each of them ascending.</param>
    /// <param name="options">With the block size.</param>
    /// <param name="denoiser">The network.</param>
    /// <param name="starts">Receives indices into <paramref name="masks"/>, and their number at the end.</param>
    /// <exception cref="CinnabarException">
    /// The block size does not divide the blocks of the network, or there are fewer steps than blocks.
    /// </exception>
    public static void Find(List<int> masks, SamplerOptions options, IDenoiser denoiser, List<int> starts)
    {
        starts.Clear();
        int? aligned = SizeOfNetwork(denoiser, options);
        int size = aligned ?? options.BlockSize ?? int.MaxValue;
        CollageDenoiser? collage = options.BlockSize is null ? null : SegmentsOf(denoiser, masks);
        if (collage is not null)
        {
            SortByBlock(masks, size, collage);
        }

        for (int i = 0; i < masks.Count; i++)
        {
            bool begins = i == 0
                || (aligned is null && collage is null
                    ? i - starts[^1] == size
                    : BlockOf(masks[i], size, collage) != BlockOf(masks[i - 1], size, collage));
            if (begins)
            {
                starts.Add(i);
            }
        }

        starts.Add(masks.Count);
        int blocks = starts.Count - 1;
        if (options.Steps < blocks)
        {
            throw new CinnabarException(
                $"Expected the option Steps to be at least {blocks}, one for each block of {size} positions, found {options.Steps}.",
                "Raise Steps or BlockSize.");
        }
    }

    // Null where one segment holds all.
    private static CollageDenoiser? SegmentsOf(IDenoiser denoiser, List<int> masks) =>
        denoiser is CollageDenoiser collage && masks.Count > 0 && masks[^1] >= collage.SegmentLength ? collage : null;

    private static void SortByBlock(List<int> masks, int size, CollageDenoiser collage) => masks.Sort((a, b) =>
    {
        int byBlock = BlockOf(a, size, collage).CompareTo(BlockOf(b, size, collage));
        return byBlock == 0 ? a.CompareTo(b) : byBlock;
    });

    private static int BlockOf(int position, int size, CollageDenoiser? collage) =>
        (collage?.PlaceInSegment(position) ?? position) / size;

    private static int? SizeOfNetwork(IDenoiser denoiser, SamplerOptions options)
    {
        if (denoiser.BlockSize is not int block)
        {
            return null;
        }

        return options.BlockSize is not int wanted || wanted >= block ? block
            : block % wanted == 0 ? wanted
            : throw new CinnabarException(
                $"Expected the option BlockSize to divide the blocks of {block} tokens that the network attends in, found {wanted}.",
                "Give a divisor, or leave BlockSize out.");
    }
}
