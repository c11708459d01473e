using System.Text.Json.Nodes;
using Cinnabar.Server.Streams;

namespace Cinnabar.Server.Api;

/// <summary>Answers of OpenAI's completions, which Inception's fill-in-the-middle shares: "object": "text_completion".</summary>
/// <param name="request">What was asked for.</param>
/// <param name="echo">Text that each answer begins with: the prompt, or nothing.</param>
internal sealed class CompletionFormat(GenerationRequest request, string echo) : IAnswerFormat
{
    private const string Kind = "text_completion";

    private readonly AnswerHead _head = new("cmpl", request.Model.Id);

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers)
    {
        JsonObject whole = _head.Begin(Kind);
        whole["choices"] = new JsonArray([.. answers.Select(answer => Choice(answer.Index, echo + answer.Texts[0], answer.FinishReason))]);
        whole["usage"] = AnswerHead.Usage(answers);
        whole["diffusion"] = StepEvents.Summary(answers);
        return whole;
    }

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        // A text that is replaced over and over carries the prompt each time.
        bool echoes = request.Stream == StreamKind.Diffusing ? chunk.Texts is not null : chunk.IsFirst;
        string text = (echoes ? echo : "") + (chunk.Texts?[0] ?? "");
        JsonObject piece = _head.Begin(Kind);
        piece["choices"] = new JsonArray(Choice(chunk.Index, text, chunk.Answer?.FinishReason));
        if (request.IncludesUsage)
        {
            piece["usage"] = null;
        }

        if (chunk.Diffusion is not null)
        {
            piece["diffusion"] = chunk.Diffusion;
        }

        return piece;
    }

    /// <inheritdoc/>
    public JsonObject Usage(IReadOnlyList<Answer> answers)
    {
        JsonObject usage = _head.Begin(Kind);
        usage["choices"] = new JsonArray();
        usage["usage"] = AnswerHead.Usage(answers);
        return usage;
    }

    private static JsonObject Choice(int index, string text, string? finishReason) => new()
    {
        ["text"] = text,
        ["index"] = index,
        ["logprobs"] = null,
        ["finish_reason"] = finishReason,
    };
}
