// The chunks of one text of a stream: an empty one that begins it, one for each step with something to say, and one that ends it.
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
        bool hasBegun = false;
        await foreach (TextUpdate update in run.UpdatesAsync(cancellation).ConfigureAwait(false))
        {
            if (!hasBegun)
            {
                hasBegun = true;
                await SendAsync(new Chunk { Index = index, IsFirst = true, Diffusion = _steps?.Canvas(run.Opening) }).ConfigureAwait(false);
            }

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
        bool isNew = texts.Any(text => text.Length > 0);

        // A client that replaces what it shows must not find an empty text in the chunk that ends the stream.
        if (IsDiffusing && update.Answer is not null)
        {
            await SendAsync(new Chunk { Index = index, Texts = texts, Answer = update.Answer }).ConfigureAwait(false);
            return;
        }

        if (isNew || step is not null)
        {
            await SendAsync(new Chunk { Index = index, Texts = isNew ? texts : null, Diffusion = step }).ConfigureAwait(false);
        }

        if (update.Answer is Answer answer)
        {
            JsonObject? done = _steps is null ? null : StepEvents.Done(answer);
            await SendAsync(new Chunk { Index = index, Answer = answer, Diffusion = done }).ConfigureAwait(false);
        }
    }

    private Task SendAsync(Chunk chunk) => events.SendAsync(format.Piece(chunk));
}
