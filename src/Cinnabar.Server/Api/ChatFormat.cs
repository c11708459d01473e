using System.Text.Json.Nodes;

namespace Cinnabar.Server.Api;

/// <summary>Answers of OpenAI's chat completions, which Inception's edits share: "object": "chat.completion" and its chunks.</summary>
/// <param name="request">What was asked for.</param>
internal sealed class ChatFormat(GenerationRequest request) : IAnswerFormat
{
    private const string ChunkKind = "chat.completion.chunk";

    private readonly AnswerHead _head = new("chatcmpl", request.Model.Id);

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers) => Whole(answers, answer => answer.Texts[0]);

    /// <summary>The answer in one piece, with other contents than what was written.</summary>
    /// <param name="answers">One for each text.</param>
    /// <param name="content">What the message of an answer says.</param>
    public JsonObject Whole(IReadOnlyList<Answer> answers, Func<Answer, string> content) =>
        _head.Whole("chat.completion", answers, answer => new JsonObject
        {
            ["index"] = answer.Index,
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = content(answer), ["refusal"] = null },
            ["logprobs"] = null,
            ["finish_reason"] = answer.FinishReason,
        });

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        JsonObject delta = chunk.IsFirst ? new JsonObject { ["role"] = "assistant", ["content"] = "" }
            : chunk.Texts is null ? []
            : new JsonObject { ["content"] = chunk.Texts[0] };
        JsonObject choice = new()
        {
            ["index"] = chunk.Index,
            ["delta"] = delta,
            ["logprobs"] = null,
            ["finish_reason"] = chunk.Answer?.FinishReason,
        };
        return _head.Piece(ChunkKind, choice, chunk, request.IncludesUsage);
    }

    /// <inheritdoc/>
    public JsonObject Usage(IReadOnlyList<Answer> answers) => _head.UsageChunk(ChunkKind, answers);
}
