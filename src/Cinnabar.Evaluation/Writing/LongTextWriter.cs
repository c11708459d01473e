// Three ways of writing T tokens with one model, which sees S:
//
//   at once          T ≤ S, as the model writes any text: the only way through latents
//   in segments      a collage of segments of S tokens (Models/CollageDenoiser.cs): as many passes as steps, however long the text is
//   block by block   B tokens after the other, each block given the last S − B tokens before it: the usual way. A segment's number of
//                    steps is for S tokens, so a block takes B/S of it, rounded: both ways commit as many tokens of a stretch in a step
//
// A model that writes left to right takes B passes a block, and nothing but the last way. The last two ways end no text before T. None
// has a prompt. Text n uses seeds of its own.
using System.Diagnostics;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation.Writing;

/// <summary>Writes texts with a model, to be measured.</summary>
/// <param name="model">The model.</param>
/// <param name="tokens">T, at least 1.</param>
/// <param name="options">How to sample; without Steps as many as a quarter of S.</param>
public sealed class LongTextWriter(DiffusionModel model, int tokens, SamplerOptions options)
{
    private readonly int _steps = options.Steps ?? Math.Max(1, model.Config.MaxSequenceLength / 4);

    /// <summary>Writes text <paramref name="index"/> at once; it may end before T tokens.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <exception cref="CinnabarException">The model does not see so many tokens, or an option is out of range.</exception>
    public WrittenText AtOnce(int index, CancellationToken cancellation = default)
    {
        int most = model.Config.MaxSequenceLength - Beginning.Length;
        if (tokens > most)
        {
            throw new CinnabarException(
                $"Expected texts of at most {most} tokens, what {model.Name} sees at once, found {tokens}.", "Ask for fewer tokens.");
        }

        GenerationResult result = model.Generate(
            "", options with { MaxNewTokens = tokens, Seed = options.Seed + (ulong)index }, onStep: null, cancellation);
        return Written(result, []);
    }

    /// <summary>Writes text <paramref name="index"/> in segments that overlap, all at once.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="overlap">Tokens that two segments share; null: the default.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <exception cref="CinnabarException">The model does not see both sides of a mask, or an option is out of range.</exception>
    public WrittenText InSegments(int index, int? overlap = null, CancellationToken cancellation = default)
    {
        GenerationResult result = model.WriteLong(
            new LongText("", tokens),
            overlap,
            options with { Steps = _steps, Seed = options.Seed + (ulong)index },
            onStep: null,
            cancellation);
        int segment = model.Config.MaxSequenceLength;
        CollageDenoiser collage = new(model.Denoiser, segment, overlap ?? CollageDenoiser.DefaultOverlap(segment));
        int known = Beginning.Length;
        int[] borders = [.. collage.BordersOf(known + tokens).Select(border => border - known)];
        return Written(result, borders);
    }

    /// <summary>Writes text <paramref name="index"/> block by block.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="block">B, 1 … S − 1.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <exception cref="CinnabarException">The block leaves no room for what is before it, or an option is out of range.</exception>
    public WrittenText InBlocks(int index, int block, CancellationToken cancellation = default)
    {
        int context = model.Config.MaxSequenceLength;
        if (block < 1 || block >= context)
        {
            throw new CinnabarException(
                $"Expected blocks of 1 … {context - 1} tokens, fewer than the model sees, found {block}.", "Change their length.");
        }

        Sampler sampler = new(model.Denoiser, model.Kernels.Workers, statistics: model.Kernels.TokenStatistics);
        List<int> text = [.. Beginning];
        int passes = 0;
        int blocks = (tokens + block - 1) / block;
        Stopwatch time = Stopwatch.StartNew();
        for (int b = 0; b < blocks; b++)
        {
            int length = Math.Min(block, tokens + Beginning.Length - text.Count);
            int[] seen = [.. text.TakeLast(context - length)];
            Canvas canvas = Canvas.ForContinuation(seen, length, model.TokensForLongText());
            SamplerOptions own = model.Followed(options with
            {
                BlockSize = null,
                MaxNewTokens = length,
                Steps = Math.Clamp((int)Math.Round((double)_steps * length / context), 1, length),
                Seed = options.Seed + (ulong)(((long)index * blocks) + b),
            });
            passes += sampler.Run(canvas, own, cancellation);
            text.AddRange(canvas.TextOf(0));
        }

        double seconds = time.Elapsed.TotalSeconds;
        int[] written = [.. text.Skip(Beginning.Length)];
        return new WrittenText(written, model.Tokenizer.Decode(written), [], passes, seconds);
    }

    private static WrittenText Written(GenerationResult result, int[] borders) => new(
        [.. result.Holes[0].TokenIds], result.Holes[0].Text, borders, result.ForwardPasses, result.Elapsed.TotalSeconds);

    private int[] Beginning => model.Config.BosTokenId is int id ? [id] : [];
}
