// The ways in which `eval writing` lets a model write:
//
//   masked diffusion, whole attention    all at once, in segments that stay where the text has several, and block by block
//   block-causal, or autoregressive      block by block
//   through latents                      at once if the model sees the whole text, otherwise block by block; for each number of steps
using Cinnabar.Evaluation.Writing;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar.Cli;

/// <summary>A model that writes.</summary>
/// <param name="Model">The model.</param>
/// <param name="Name">What it is called beside the others.</param>
/// <param name="Options">What the command line says for it.</param>
internal sealed record WritingModel(DiffusionModel Model, string Name, SamplerOptions Options);

/// <summary>Texts of one kind: who wrote them and how, and the texts.</summary>
internal sealed record WrittenTexts(string Kind, IReadOnlyList<WrittenText> Texts);

/// <summary>Lets models write, each in all its ways.</summary>
/// <param name="count">Texts of each kind.</param>
/// <param name="tokens">Tokens of a text.</param>
/// <param name="block">Tokens of a block; 0 leaves out block by block.</param>
/// <param name="overlap">Tokens that two segments share; null: the default.</param>
/// <param name="latentSteps">Steps of a model that writes through latents; none: the model's.</param>
internal sealed class WritingWays(int count, int tokens, int block, int? overlap, int[] latentSteps)
{
    /// <summary>Each way of a model, written when it is asked for.</summary>
    /// <param name="writer">The model.</param>
    /// <param name="cancellation">Stops before the next pass.</param>
    /// <exception cref="CinnabarException">An option does not fit.</exception>
    public IEnumerable<WrittenTexts> Of(WritingModel writer, CancellationToken cancellation) =>
        writer.Model.Denoiser.Noise == NoiseKind.Gaussian ? ThroughLatents(writer, cancellation) : OverTokens(writer, cancellation);

    // Of the sampler's options those alone that latents know, and steps as their own option says: the others are for the models beside
    // them.
    private IEnumerable<WrittenTexts> ThroughLatents(WritingModel writer, CancellationToken cancellation)
    {
        SamplerOptions standard = writer.Model.DefaultOptions with
        {
            Latents = writer.Options.Latents,
            CfgScale = writer.Options.CfgScale,
            Seed = writer.Options.Seed,
        };
        SamplerOptions[] all = latentSteps.Length == 0 ? [standard] : [.. latentSteps.Select(steps => standard with { Steps = steps })];
        foreach (SamplerOptions options in all)
        {
            LongTextWriter texts = new(writer.Model, tokens, options);
            yield return block > 0 && !texts.FitsAtOnce
                ? Written(
                    $"{writer.Name}, blocks of {block}, {options.Steps} steps", i => texts.InBlocks(i, block, cancellation))
                : Written($"{writer.Name}, {options.Steps} steps", i => texts.AtOnce(i, cancellation));
        }
    }

    private IEnumerable<WrittenTexts> OverTokens(WritingModel writer, CancellationToken cancellation)
    {
        if (count > 1 && writer.Options.Temperature <= 0)
        {
            throw new CinnabarException(
                $"Expected a temperature above 0 for {count} texts that begin with nothing, found 0, which writes the same text each time.",
                "Give --temperature, such as 1.");
        }

        LongTextWriter texts = new(writer.Model, tokens, writer.Options);
        if (texts.HasSegments)
        {
            yield return Written($"{writer.Name}, all at once", i => texts.InSegments(i, overlap, stay: false, cancellation));
            if (texts.BordersOf(overlap).Length > 0)
            {
                yield return Written($"{writer.Name}, segments that stay", i => texts.InSegments(i, overlap, stay: true, cancellation));
            }
        }

        if (block > 0)
        {
            string way = writer.Model.Config.IsAutoregressive ? "left to right" : $"blocks of {block}";
            yield return Written($"{writer.Name}, {way}", i => texts.InBlocks(i, block, cancellation));
        }
    }

    private WrittenTexts Written(string kind, Func<int, WrittenText> write)
    {
        EvaluationProgress progress = new($"writing, {kind}", "texts", count);
        List<WrittenText> written = [];
        while (written.Count < count)
        {
            written.Add(write(written.Count));
            progress.Show(written.Count);
        }

        return new WrittenTexts(kind, written);
    }
}
