// What a list of segments must be for a canvas of it.
namespace Cinnabar.Diffusion;

public sealed partial class Canvas
{
    private static int CheckedLength(IReadOnlyList<CanvasSegment> segments, CanvasTokens tokens)
    {
        long length = 0;
        for (int i = 0; i < segments.Count; i++)
        {
            CanvasSegment segment = segments[i];
            if (segment.Length < 0)
            {
                throw new CinnabarException(
                    $"Expected the length of a hole to be 0 or more, found {segment.Length} (segment {i}).", "Ask for 0 or more tokens.");
            }

            if (segment.Kind == HoleKind.Continuation && i != segments.Count - 1)
            {
                throw new CinnabarException(
                    $"Expected a continuation to be the last segment, found it as segment {i} of {segments.Count}.",
                    "Use an infill hole where text follows.");
            }

            if (segment.MostLength < segment.LeastLength)
            {
                throw new CinnabarException(
                    $"Expected the fewest tokens of a hole of at most {segment.MostLength} to be no more, found {segment.LeastLength} "
                    + $"(segment {i}).",
                    "Lower the least length, or raise the largest.");
            }

            if (segment.MostLength < segment.Length)
            {
                throw new CinnabarException(
                    $"Expected a hole that grows from {segment.Length} positions to as many or more, found to {segment.MostLength} "
                    + $"(segment {i}).",
                    "Raise the largest length, or start with fewer positions.");
            }

            foreach (int id in segment.Ids)
            {
                if (id < 0 || (id == tokens.MaskTokenId && !segment.MayHoldMask))
                {
                    throw new CinnabarException(
                        $"Expected known text without negative ids and the mask token {tokens.MaskTokenId}, found {id} (segment {i}).",
                        "Remove it, or mark the place as a hole.");
                }
            }

            length += segment.Length + (segment.IsClosed(tokens) ? 1 : 0);
        }

        return length <= Array.MaxLength
            ? (int)length
            : throw new CinnabarException($"Expected a canvas of at most {Array.MaxLength} positions, found {length}.", "Shorten it.");
    }
}
