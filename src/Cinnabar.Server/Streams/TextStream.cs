// The chunks of one text of a stream: an empty one that begins it as soon as the engine has taken the text, one for each step with
// something to say, and one that ends it.
using System.Text.Json.Nodes;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;

namespace Cinnabar.Server.Streams;

/// <summary>Sends one text as it is written.</summary>
internal sealed class TextStream(int index, TextRun run, GenerationRequest request, IAnswerFormat format, EventStream events)
{
    private readonly StepEvents? _steps = request.IncludesSteps ? new StepEvents(request) : null;

    private bool IsDiffusing => request.Stream == StreamKind.Diffusing;

    /// <summary>Sends it all.</summary>
    /// <returns>The answer that was sent.</returns>
    public async Task<Answer> SendAsync(CancellationToken cancellation)
    {
        Answer? answer = null;
        await SendAsync(new Chunk { Index = index, IsFirst = true, Diffusion = _steps?.Canvas(run.Opening) }).ConfigureAwait(false);
        await foreach (TextUpdate update in run.UpdatesAsync(cancellation).ConfigureAwait(false))
        {
            await SendAsync(update).ConfigureAwait(false);
            answer = update.Answer;
        }

        return answer!;
    }

    private async Task SendAsync(TextUpdate update)
    {
        JsonObject? step = update.Step is DenoisingStep taken ? _steps?.Step(taken) : null;
        IReadOnlyList<string> texts = !IsDiffusing ? update.Pieces
            : update.Answer?.Texts ?? (update.Step is DenoisingStep now ? [.. run.Snapshot(now)] : []);
        if (update.Answer is not Answer answer)
        {
            await SendNewAsync(texts, step).ConfigureAwait(false);
            return;
        }

        // The last chunk is empty, as OpenAI's is. But a client that replaces what it shows must not find an empty text in it, and one that
        // follows the steps is to find one of their events in every chunk.
        bool endsWithText = IsDiffusing || (_steps is not null && step is null && texts.Any(text => text.Length > 0));
        if (!endsWithText)
        {
            await SendNewAsync(texts, step).ConfigureAwait(false);
        }

        await SendAsync(new Chunk
        {
            Index = index,
            Texts = endsWithText ? texts : null,
            Answer = answer,
            Diffusion = _steps is null ? null : StepEvents.Done(answer),
        }).ConfigureAwait(false);
    }

    private async Task SendNewAsync(IReadOnlyList<string> texts, JsonObject? step)
    {
        bool isNew = texts.Any(text => text.Length > 0);
        if (isNew || step is not null)
        {
            await SendAsync(new Chunk { Index = index, Texts = isNew ? texts : null, Diffusion = step }).ConfigureAwait(false);
        }
    }

    private Task SendAsync(Chunk chunk) => events.SendAsync(format.Piece(chunk));
}
