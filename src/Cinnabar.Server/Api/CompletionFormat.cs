using System.Text.Json.Nodes;

namespace Cinnabar.Server.Api;

/// <summary>Answers of OpenAI's completions, which Inception's fill-in-the-middle shares: "object": "text_completion".</summary>
/// <param name="request">What was asked for.</param>
/// <param name="echo">Text that each answer begins with: the prompt, or nothing.</param>
internal sealed class CompletionFormat(GenerationRequest request, string echo) : IAnswerFormat
{
    private const string Kind = "text_completion";

    private readonly AnswerHead _head = new("cmpl", request.Model.Id);

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers) =>
        _head.Whole(Kind, answers, answer => Choice(answer.Index, echo + answer.Texts[0], answer.FinishReason));

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        // A text that is replaced over and over carries the prompt each time.
        bool echoes = request.Stream == StreamKind.Diffusing ? chunk.Texts is not null : chunk.IsFirst;
        string text = (echoes ? echo : "") + (chunk.Texts?[0] ?? "");
        return _head.Piece(Kind, Choice(chunk.Index, text, chunk.Answer?.FinishReason), chunk, request.IncludesUsage);
    }

    /// <inheritdoc/>
    public JsonObject Usage(IReadOnlyList<Answer> answers) => _head.UsageChunk(Kind, answers);

    private static JsonObject Choice(int index, string text, string? finishReason) => new()
    {
        ["text"] = text,
        ["index"] = index,
        ["logprobs"] = null,
        ["finish_reason"] = finishReason,
    };
}
