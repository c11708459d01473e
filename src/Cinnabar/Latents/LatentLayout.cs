// Where a canvas stands among latents of s tokens. What is before the hole ends, and what is behind it begins, where a latent does; room
// that is left at the two ends is filled with ends of texts, after which a text may begin anywhere. With nothing behind the hole it reaches
// to the end of the context, the length that the network has seen most, and what was not asked for is dropped. Where whole latents do not
// fit into the context, the tokens farthest from the hole, fewer than two latents, are not seen. If those are all that stand before it,
// such as the begin of a text alone, the hole begins behind them in the first latent, where texts had them in training.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;

namespace Cinnabar.Latents;

/// <summary>Tokens for latents: known text around a hole.</summary>
/// <param name="Ids">[n·s], padding in the hole.</param>
/// <param name="Start">The first token of the latents that are not known, a multiple of s.</param>
/// <param name="Lead">How far behind it the hole begins: unseen tokens before it, fewer than s.</param>
/// <param name="Room">Tokens of the latents that are not known, a multiple of s and at least the lead and those of the hole.</param>
internal readonly record struct LatentLayout(int[] Ids, int Start, int Lead, int Room)
{
    /// <summary>Lays a canvas out.</summary>
    /// <param name="canvas">With one hole, no longer than the context.</param>
    /// <param name="config">With latents.</param>
    public static LatentLayout Of(Canvas canvas, ModelConfig config)
    {
        (int step, int unit, int most) = (config.Latents!.Downsampling, config.Latents.Unit, config.MaxSequenceLength);
        Hole hole = canvas.Holes[0];
        ReadOnlySpan<int> before = canvas.Ids[..hole.Start];
        ReadOnlySpan<int> after = canvas.Ids[hole.End..];
        int room = RoundUp(hole.Length, step);
        int lead = 0;
        if (RoundUp(before.Length, step) + room + RoundUp(after.Length, step) > most)
        {
            int unseen = before.Length % step;
            lead = unseen == before.Length && unseen <= room - hole.Length ? unseen : 0;
            before = before[unseen..];
        }

        int front = RoundUp(before.Length, step);
        if (front + room + RoundUp(after.Length, step) > most)
        {
            after = after[..^(after.Length % step)];
        }

        int length = hole.End == canvas.Length ? most : RoundUp(front + room + RoundUp(after.Length, step), unit);
        room = hole.End == canvas.Length ? most - front : room;
        int[] ids = new int[length];
        Array.Fill(ids, config.EosTokenId);
        before.CopyTo(ids.AsSpan(front - before.Length));
        ids.AsSpan(front, room).Fill(config.PadTokenId);
        after.CopyTo(ids.AsSpan(front + room));
        return new LatentLayout(ids, front, lead, room);
    }

    private static int RoundUp(int count, int unit) => (count + unit - 1) / unit * unit;
}
