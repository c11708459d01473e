using System.Text;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;
using Microsoft.Extensions.AI;

namespace Cinnabar.Extensions.AI;

/// <summary>
/// What one denoising step did to an answer. It stands in updates without text, and is left out of prompts when a conversation is sent
/// again. To serialise it, register it: <c>options.AddAIContentType&lt;DenoisingStepContent&gt;("denoising_step")</c>.
/// </summary>
public sealed class DenoisingStepContent : AIContent
{
    /// <summary>What a position that is not written yet looks like in <see cref="Text"/>.</summary>
    public const char Noise = '░';

    /// <summary>Number of the step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>Passes through the network so far.</summary>
    public required int Passes { get; init; }

    /// <summary>Positions that are not written yet.</summary>
    public required int Remaining { get; init; }

    /// <summary>The tokens written in this step, left to right.</summary>
    public required IReadOnlyList<WrittenToken> Committed { get; init; }

    /// <summary>The tokens that replaced others in this step, left to right.</summary>
    public required IReadOnlyList<WrittenToken> Edited { get; init; }

    /// <summary>The positions in the answer whose tokens were taken back, ascending.</summary>
    public required IReadOnlyList<int> Renoised { get; init; }

    /// <summary>
    /// The whole answer as it stands, with <see cref="Noise"/> where nothing is written yet. Unlike the text of updates it is not cut at
    /// stop sequences and may still change.
    /// </summary>
    public required string Text { get; init; }

    internal static DenoisingStepContent Of(DenoisingStep step, TextCanvas text, Tokenizer tokenizer)
    {
        int start = step.Canvas.Holes[0].Start;
        WrittenToken[] Written(IReadOnlyList<Commit> commits) =>
        [
            .. commits.Select(commit => new WrittenToken(
                commit.Position - start,
                commit.TokenId,
                commit.TokenId < tokenizer.VocabularySize ? tokenizer.TokenText(commit.TokenId) : "",
                commit.Confidence)),
        ];
        return new DenoisingStepContent
        {
            Step = step.Step,
            Passes = step.ForwardPasses,
            Remaining = step.Remaining,
            Committed = Written(step.Commits),
            Edited = Written(step.Edits),
            Renoised = [.. step.Renoised.Select(position => position - start)],
            Text = TextOf(step.Canvas, start, text, tokenizer),
        };
    }

    // As the finished answer, with what stands between noise decoded by itself.
    private static string TextOf(Canvas canvas, int start, TextCanvas text, Tokenizer tokenizer)
    {
        int[] ids = canvas.TextOf(hole: 0);
        StringBuilder shown = new();
        int begin = 0; // of what is written behind the last noise
        for (int i = 0; i < ids.Length; i++)
        {
            if (canvas.StateOf(start + i) == PositionState.Noisy)
            {
                shown.Append(Written(i)).Append(Noise);
                begin = i + 1;
            }
        }

        return text.TextOfHole(hole: 0, shown.Append(Written(ids.Length)).ToString());

        string Written(int end) => tokenizer.Decode(ids.AsSpan(begin..end), first: begin == 0 && text.BeginsText(hole: 0));
    }
}

/// <summary>A token of an answer.</summary>
/// <param name="Position">Its place in the answer, from 0.</param>
/// <param name="TokenId">Its id.</param>
/// <param name="Text">Its text; bytes that are no whole character as \xNN, special tokens by name.</param>
/// <param name="Confidence">Its probability when it was written.</param>
public readonly record struct WrittenToken(int Position, int TokenId, string Text, float Confidence);
