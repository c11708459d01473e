// Ways of writing T tokens with one model, which sees S:
//
//   at once          T ≤ S, as the model writes any text
//   in segments      a collage of segments of S tokens (Models/CollageDenoiser.cs), whose borders move from step to step or stay: as many
//                    passes as steps, however long the text is
//   block by block   B tokens after the other, each block given the last S − B tokens before it: the usual way. A segment's number of
//                    steps is for S tokens, so a block takes B/S of it, rounded. A segment commits as many tokens in a step as a block
//                    does, but far apart. Through latents a block takes all the steps: they do not commit tokens, but remove noise
//
// A model that writes left to right takes B passes per block, keeping keys and values, and nothing but the last way; one that writes
// through latents knows the first and the last. The last two ways end no text before T. None has a prompt. Text n uses seeds of its own.
using System.Diagnostics;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation.Writing;

/// <summary>Writes texts with a model, to be measured.</summary>
/// <param name="model">The model.</param>
/// <param name="tokens">T, at least 1.</param>
/// <param name="options">How to sample; without Steps as many as a quarter of S.</param>
public sealed class LongTextWriter(DiffusionModel model, int tokens, SamplerOptions options)
{
    private readonly int _steps = options.Steps ?? Math.Max(1, model.Config.MaxSequenceLength / 4);

    /// <summary>Whether the model can write in segments: it sees both sides of every position, and its noise is masks.</summary>
    public bool HasSegments => model.Denoiser is { Noise: NoiseKind.Mask, BlockSize: null }
        && model.Config.AttentionKind == AttentionKind.Full && !model.Config.IsAutoregressive;

    /// <summary>
    /// Where segments that stay would meet in a text of T tokens, in pairs of where the later one begins and the earlier one ends; none for
    /// a model without segments.
    /// </summary>
    /// <param name="overlap">Tokens that two segments share; null: the default.</param>
    /// <exception cref="CinnabarException">The overlap is out of range.</exception>
    public int[] BordersOf(int? overlap)
    {
        if (!HasSegments)
        {
            return [];
        }

        int segment = model.Config.MaxSequenceLength;
        CollageDenoiser collage = new(model.Denoiser, segment, overlap ?? CollageDenoiser.DefaultOverlap(segment));
        return [.. collage.BordersOf(Beginning.Length + tokens).Select(border => border - Beginning.Length)];
    }

    /// <summary>Whether the model sees the whole text at once.</summary>
    public bool FitsAtOnce => tokens <= MostAtOnce(model);

    /// <summary>Most tokens of a text that a model sees at once: its context less the begin of text.</summary>
    /// <param name="model">The model.</param>
    public static int MostAtOnce(DiffusionModel model) => model.Config.MaxSequenceLength - BeginningOf(model).Length;

    /// <summary>Writes text <paramref name="index"/> at once; it may end before T tokens.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <exception cref="CinnabarException">The model does not see so many tokens, or an option is out of range.</exception>
    public WrittenText AtOnce(int index, CancellationToken cancellation = default)
    {
        if (!FitsAtOnce)
        {
            throw new CinnabarException(
                $"Expected texts of at most {MostAtOnce(model)} tokens, what {model.Name} sees at once, found {tokens}.",
                "Ask for fewer tokens.");
        }

        GenerationResult result = model.Generate(
            "", options with { MaxNewTokens = tokens, Seed = options.Seed + (ulong)index }, onStep: null, cancellation);
        return Written(result);
    }

    /// <summary>Writes text <paramref name="index"/> in segments that overlap, all at once.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="overlap">Tokens that two segments share; null: the default.</param>
    /// <param name="stay">Whether their borders stay where they are in every step.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <exception cref="CinnabarException">The model does not see both sides of a mask, or an option is out of range.</exception>
    public WrittenText InSegments(int index, int? overlap = null, bool stay = false, CancellationToken cancellation = default)
    {
        GenerationResult result = model.WriteLong(
            new LongText("", tokens) { SegmentsStay = stay },
            overlap,
            options with { Steps = _steps, Seed = options.Seed + (ulong)index },
            onStep: null,
            cancellation);
        return Written(result);
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
        long positions = 0;
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
                LeftToRight = false,
                DraftTokens = null,
                MaxNewTokens = length,
                Steps = StepsOfBlock(length),
                Seed = options.Seed + (ulong)(((long)index * blocks) + b),
            });
            long computed = 0;
            passes += sampler.Run(canvas, own, cancellation, step => computed = step.ComputedPositions);
            positions += computed;
            text.AddRange(canvas.TextOf(0));
        }

        double seconds = time.Elapsed.TotalSeconds;
        int[] written = [.. text.Skip(Beginning.Length)];
        return new WrittenText(written, model.Tokenizer.Decode(written), passes, positions, seconds);
    }

    private int? StepsOfBlock(int length) => model.Denoiser.Noise == NoiseKind.Gaussian
        ? options.Steps
        : Math.Clamp((int)Math.Round((double)_steps * length / model.Config.MaxSequenceLength), 1, length);

    private static WrittenText Written(GenerationResult result) => new(
        [.. result.Holes[0].TokenIds],
        result.Holes[0].Text,
        result.ForwardPasses,
        result.ComputedPositions,
        result.Elapsed.TotalSeconds);

    private int[] Beginning => BeginningOf(model);

    private static int[] BeginningOf(DiffusionModel model) => model.Config.BosTokenId is int id ? [id] : [];
}
